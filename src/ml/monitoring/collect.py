"""Which predictions are judged: one window of the prediction log, and what became of every other row that was read."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ml.data import cells, number_columns, reading, values
from ml.data.schema import with_columns
from ml.data.values import typed
from ml.data.words import text
from ml.io.errors import UserError
from ml.model.parts import CHAMPION, SHADOW
from ml.monitoring.windows import WINDOWS, Span, delay, length, settled, spans
from ml.prediction_log import predictions
from ml.prediction_log.records import in_table
from ml.settings.data import Data, Number
from ml.settings.monitor import Monitor
from ml.tasks.live import outcomes

SKEW = pd.Timedelta(minutes=5)  # that clocks may differ by
TABLES = (".parquet", ".csv")
OURS = (*predictions.FIRST, *predictions.LAST, *predictions.ACTUAL)  # columns of a table, beside the features
PROBABILITY = Number(type="number", min=0, max=1)
ANY = Number(type="number")
FATES = {  # a row meets the first that fits; `judged` are what is left
    "simulated": "simulated, and not judged because there are real rows",
    "future": "time is ahead of the clock (by more than 5 minutes)",
    "older": "older than the window",
    SHADOW: "predictions of a shadow model, which were not returned",
    "unknown": "scored by a model that is not in the registry",
    "other": "scored by another version than the champion",
    "repeated": "an older prediction of the same id",
    "surplus": "more than monitor.window_rows newer rows exist",
    "judged": "judged",
}


@dataclass(frozen=True)
class Names:
    """By which names predictions call the champion, and the other versions that are known."""

    champion: frozenset[str]
    others: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Collected:
    """The judged rows and the counts behind them; every row read has exactly one fate."""

    rows: pd.DataFrame  # as drift.judge takes them: features.<name>, score, label (1, 0, missing), lag_days
    since: pd.Timestamp
    until: pd.Timestamp
    newest: pd.Timestamp | None  # prediction that was read, from the future apart
    simulated: bool
    fates: dict[str, int]
    strangers: dict[str, int]  # rows of the window by name of another model
    labels: dict[str, int]  # early, from the future, of another kind, unmatched
    unreadable: int
    before: tuple[Span, ...]  # what known models answered in the last windows, the judged one last
    settled: Span  # what the champion answered in the newest window with enough labels: performance is judged on it
    label_days: float = 0.0  # rows younger than this wait for labels, and their labels are not looked at
    waiting: int = 0  # judged rows that are so young


def read(sources: Iterable[Any], now: pd.Timestamp, data: Data, settings: Monitor) -> pd.DataFrame:
    """The log of the last windows; all of it when few real rows are so young: then it matters what else is there."""
    given = [*sources]
    recent = _read(given, data, now - WINDOWS * length(settings))
    return recent if (~recent["simulated"]).sum() >= settings.min_rows else _read(given, data, None)


def read_between(sources: Iterable[Any], data: Data, since: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    """The real rows of the log from one time to before another."""
    table = _read(sources, data, since, until)
    return table[~table["simulated"]].reset_index(drop=True)


def read_simulated(sources: Iterable[Any], data: Data) -> pd.DataFrame:
    """The simulated rows of the log, whatever real ones there are."""
    table = _read(sources, data, None)
    return table[table["simulated"]].reset_index(drop=True)


def collect(table: pd.DataFrame, names: Names, data: Data, settings: Monitor, now: pd.Timestamp) -> Collected:
    """The window of `table` (as predictions.read_log returns it) that ends `now`, or with the simulation's last day.

    Simulated rows are judged only where there are no others.
    """
    simulated = bool(len(table) and table["simulated"].all())
    until = table[["time", "actual_time"]].max().max() if simulated else now
    since = until - length(settings)
    fate = _fates(table, names, settings, (since, until))
    strange = table[fate.isin({"unknown", "other"})]
    labelled, labels = _labelled(table, data, until)
    seen = table.loc[~fate.isin({"simulated", "future"}), "time"]
    known = fate.isin({"older", "other", "judged"}) & (table["variant"] != SHADOW)
    own = known & _by(table, names.champion)
    days = settings.label_days if settings.label_days is not None else delay(labelled[own], data.target.task)
    young = table["time"] > until - pd.Timedelta(days=days)
    labelled = labelled.assign(label=labelled["label"].mask(young), young=young)
    return Collected(
        rows=labelled[fate == "judged"].reset_index(drop=True),
        since=since,
        until=until,
        newest=seen.max() if len(seen) else None,
        simulated=simulated,
        fates={name: int((fate == name).sum()) for name in FATES},
        strangers={str(name): int(count) for name, count in strange["model"].value_counts().items()},
        labels=labels | {"unmatched": int(table.attrs.get("unmatched", 0))},
        unreadable=int(table.attrs.get("unreadable", 0)),
        before=spans(labelled[known & _by(table, names.champion | names.others)], since, settings),
        settled=settled(spans(labelled[own], since, settings), settings, data.target.task),
        label_days=days,
        waiting=int((young & (fate == "judged")).sum()),
    )


def _read(
    sources: Iterable[Any], data: Data, since: pd.Timestamp | None, until: pd.Timestamp | None = None
) -> pd.DataFrame:
    """The log of all sources: prediction logs of our own, and tables that others have written."""
    given = [str(source) for source in sources]
    table = predictions.read_log(*(s for s in given if not s.endswith(TABLES)), since=since, until=until)
    foreign = [_foreign(reading.read_all(s).frame, s, data) for s in given if s.endswith(TABLES)]
    if not foreign:
        return table
    frame = pd.concat([table, *foreign] if len(table) else foreign, ignore_index=True)
    frame = frame[frame["time"] >= since].reset_index(drop=True) if since is not None else frame
    return frame[frame["time"] < until].reset_index(drop=True) if until is not None else frame


def _foreign(frame: pd.DataFrame, where: str, data: Data) -> pd.DataFrame:
    """A table that others have written, in the columns of our log and the types of the contract."""
    lacking = [name for name in ("id", "time", "score") if name not in frame]
    if lacking:
        raise UserError(
            f"{where}: column {lacking[0]} is missing. A table of predictions has id, time, score and the features, "
            f"and may have model, variant, actual and actual_time, as `make logs CSV=1` prints them."
        )
    times = pd.DataFrame({n: _times(frame[n], where) for n in ("time", "actual_time") if n in frame})
    texts = {name: frame[name].map(text) for name in ("id", "model", "actual") if name in frame}
    kind = ANY if data.target.numeric else PROBABILITY
    score = number_columns.number(frame["score"], kind).cells
    others = frame.drop(columns=[name for name in data.columns if name in frame and name not in OURS])
    frame = with_columns(others, {**_features(frame, data), **times, **texts, "score": score})
    defaults = {"model": None, "variant": CHAMPION, "simulated": False, "actual": None, "actual_time": pd.NaT}
    frame = frame.assign(**{name: value for name, value in defaults.items() if name not in frame})
    came, simulated = pd.to_datetime(frame["actual_time"], utc=True), frame["simulated"].map(text).eq("True")
    frame = frame.assign(actual_time=came, simulated=simulated)
    return frame.sort_values("time", ignore_index=True, kind="stable")


def _features(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The features in the types of the contract, by the names that they have in the log's table."""
    there = {name: name for name in data.columns if name in frame and name not in OURS}
    there |= {name: in_table(name) for name in data.columns if in_table(name) in frame}
    table = pd.DataFrame({name: frame[source] for name, source in there.items()}, index=frame.index)
    return typed(table, data, [*there]).frame.rename(columns=in_table)


def _times(column: pd.Series, where: str) -> pd.Series:
    found = values.moment(column, None)
    for why, rows in found.wrong.items():
        raise UserError(f"{where}: {cells.Wrong(str(column.name), why, rows).sentence(column)}.")
    return found.cells.dt.tz_localize("UTC")


def _fates(table: pd.DataFrame, names: Names, settings: Monitor, window: tuple[Any, Any]) -> pd.Series:
    since, until = window
    fate = pd.Series("judged", index=table.index, dtype=object)
    own = _by(table, names.champion)
    found = {
        "simulated": table["simulated"] & (not table["simulated"].all()),
        "future": table["time"] > until + SKEW,
        "older": ~(table["time"] > since),
        SHADOW: table["variant"] == SHADOW,
        "unknown": ~own & ~_by(table, names.others),
        "other": ~own,
    }
    for name, rows in found.items():
        fate[rows & (fate == "judged")] = name
    kept = table[fate == "judged"]
    fate[kept.index[kept["id"].duplicated(keep="last") & kept["id"].notna()]] = "repeated"
    kept = table[fate == "judged"]
    fate[kept.index[: max(0, len(kept) - settings.window_rows)]] = "surplus"
    return fate


def _by(table: pd.DataFrame, models: frozenset[str]) -> pd.Series:
    """Which rows one of these models answered; a row without a name is the champion's."""
    return table["model"].isna() | table["model"].isin(models)


def _labelled(table: pd.DataFrame, data: Data, until: pd.Timestamp) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows with `label` as 1, 0 or missing; a label from before its prediction belongs to an older one."""
    came = table["actual"].notna()
    early = predictions.early(table)
    future = came & (table["actual_time"] > until + SKEW)
    said = outcomes(table["actual"], table["label"] if "label" in table else table["actual"], data)
    strange = came & said.isna()
    label = said.where(~early & ~future)
    several = data.target.classes and "label" in table
    table = table.assign(decided=table["label"].map(text)) if several else table
    lag = (table["actual_time"] - table["time"]).dt.total_seconds() / 86_400
    return table.assign(label=label, lag_days=lag.where(label.notna())), {
        "early": int(early.sum()),
        "future": int(future.sum()),
        "strange": int(strange.sum()),
    }
