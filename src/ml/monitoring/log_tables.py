"""The prediction log as one table, from the template's own logs and from tables of other systems."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ml.data import cells, number_columns, reading, values
from ml.data.schema import with_columns
from ml.data.values import typed
from ml.data.words import text
from ml.io.errors import UserError
from ml.model.parts import CHAMPION
from ml.monitoring.windows import WINDOWS, length
from ml.prediction_log import predictions
from ml.prediction_log.records import in_table
from ml.settings.data import Data, Number
from ml.settings.monitor import Monitor

TABLES = (".parquet", ".csv")
OURS = (*predictions.FIRST, *predictions.LAST, *predictions.ACTUAL)  # columns of a table, beside the features
PROBABILITY = Number(type="number", min=0, max=1)
ANY = Number(type="number")


def read(sources: Iterable[Any], now: pd.Timestamp, data: Data, settings: Monitor) -> pd.DataFrame:
    """The log of the last windows; the whole log if it has few recent real rows, to report what else is there."""
    given = [*sources]
    recent = _read(given, data, now - WINDOWS * length(settings))
    return recent if (~recent["simulated"]).sum() >= settings.min_rows else _read(given, data, None)


def read_between(sources: Iterable[Any], data: Data, since: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    """The real rows of the log from one time until before another."""
    table = _read(sources, data, since, until)
    return table[~table["simulated"]].reset_index(drop=True)


def read_simulated(sources: Iterable[Any], data: Data) -> pd.DataFrame:
    """The simulated rows of the log."""
    table = _read(sources, data, None)
    return table[table["simulated"]].reset_index(drop=True)


def _read(
    sources: Iterable[Any], data: Data, since: pd.Timestamp | None, until: pd.Timestamp | None = None
) -> pd.DataFrame:
    """The log of all sources: the template's prediction logs, and tables of other systems."""
    given = [str(source) for source in sources]
    table = predictions.read_log(*(s for s in given if not s.endswith(TABLES)), since=since, until=until)
    foreign = [_foreign(reading.read_all(s).frame, s, data) for s in given if s.endswith(TABLES)]
    if not foreign:
        return table
    frame = pd.concat([table, *foreign] if len(table) else foreign, ignore_index=True)
    frame = frame[frame["time"] >= since].reset_index(drop=True) if since is not None else frame
    return frame[frame["time"] < until].reset_index(drop=True) if until is not None else frame


def _foreign(frame: pd.DataFrame, where: str, data: Data) -> pd.DataFrame:
    """A table of another system, with the columns of the prediction log and the types of the contract."""
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
    """The features in the types of the contract, with their names in the log's table."""
    there = {name: name for name in data.columns if name in frame and name not in OURS}
    there |= {name: in_table(name) for name in data.columns if in_table(name) in frame}
    table = pd.DataFrame({name: frame[source] for name, source in there.items()}, index=frame.index)
    return typed(table, data, [*there]).frame.rename(columns=in_table)


def _times(column: pd.Series, where: str) -> pd.Series:
    found = values.moment(column, None)
    for why, rows in found.wrong.items():
        raise UserError(f"{where}: {cells.Wrong(str(column.name), why, rows).sentence(column)}.")
    return found.cells.dt.tz_localize("UTC")
