"""The judged predictions: one window of the prediction log, with counts of all other rows by reason."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ml.data.words import text
from ml.model.parts import SHADOW
from ml.monitoring.windows import Span, delay, length, settled, spans
from ml.prediction_log import predictions
from ml.settings.data import Data
from ml.settings.monitor import Monitor
from ml.tasks.live_labels import outcomes

SKEW = pd.Timedelta(minutes=5)  # allowed difference of clocks
FATES = {  # the first that applies counts; all other rows are `judged`
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
    """The names of the champion and of other known versions in the log."""

    champion: frozenset[str]
    others: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Collected:
    """The judged rows and the counts behind them; every row read has exactly one fate."""

    rows: pd.DataFrame  # in the form of drift.judge: features.<name>, score, label (1, 0, missing), lag_days
    since: pd.Timestamp
    until: pd.Timestamp
    newest: pd.Timestamp | None  # newest prediction read, except those from the future
    simulated: bool
    fates: dict[str, int]
    strangers: dict[str, int]  # rows of the window by name of another model
    labels: dict[str, int]  # early, from the future, of another kind, unmatched
    unreadable: int
    before: tuple[Span, ...]  # predictions of known models in the last windows, the judged one last
    settled: Span  # the champion's newest window with enough labels, for performance
    label_days: float = 0.0  # rows younger than this wait for labels; labels that they have do not count
    waiting: int = 0  # judged rows younger than that
    share: float = 1.0  # of the ids in the log that were read


def collect(table: pd.DataFrame, names: Names, data: Data, settings: Monitor, now: pd.Timestamp) -> Collected:
    """The window of `table` (as predictions.read_log returns it) that ends `now`, or with the simulation's last day.

    Simulated rows are judged only if there are no real rows.
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
        strangers={str(name): int(count) for name, count in strange["model"].astype("str").value_counts().items()},
        labels=labels | {"unmatched": int(table.attrs.get("unmatched", 0))},
        unreadable=int(table.attrs.get("unreadable", 0)),
        before=spans(labelled[known & _by(table, names.champion | names.others)], since, settings),
        settled=settled(spans(labelled[own], since, settings), settings, data.target.task),
        label_days=days,
        waiting=int((young & (fate == "judged")).sum()),
        share=table.attrs.get("share", 1.0),
    )


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
    """A mask of the rows that one of these models answered; a row without a name is the champion's."""
    return table["model"].isna() | table["model"].isin(models)


def _labelled(table: pd.DataFrame, data: Data, until: pd.Timestamp) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows with `label` as 1, 0 or missing; a label older than its prediction belongs to an earlier prediction."""
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
