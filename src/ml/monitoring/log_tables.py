"""The prediction log as one table, from the template's own logs and from tables of other systems."""

from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd

from ml.data import cells, number_columns, reading, values
from ml.data.schema import with_columns
from ml.data.values import typed
from ml.data.words import text
from ml.io.errors import UserError
from ml.model.parts import CHAMPION
from ml.monitoring.windows import WINDOWS, length
from ml.prediction_log import condensed
from ml.prediction_log.line_tables import ACTUAL, FIRST, LAST
from ml.prediction_log.log_parts import Wanted
from ml.prediction_log.predictions import read_log
from ml.prediction_log.records import in_table
from ml.settings.data import Data, Number
from ml.settings.monitor import Monitor

TABLES = (".parquet", ".csv")
OURS = (*FIRST, *LAST, *ACTUAL)  # columns of a table, beside the features
PROBABILITY = Number(type="number", min=0, max=1)
ANY = Number(type="number")


class LogTable:
    """The log of all sources: the template's prediction logs without features, and tables of other systems.

    `kept` names columns of features that are read too; `completed` adds all of them to some rows.
    """

    def __init__(self, sources: Iterable[Any], data: Data, kept: Collection[str] = ()) -> None:
        given = [str(source) for source in sources]
        self._ours = [source for source in given if not source.endswith(TABLES)]
        self._foreign = [source for source in given if source.endswith(TABLES)]
        self._data, self._kept = data, kept

    def recent(self, now: pd.Timestamp, settings: Monitor) -> pd.DataFrame:
        """The last windows; the whole log if it has few recent real rows, to report what else is there."""
        table = self._read(Wanted(now - WINDOWS * length(settings)))
        return table if (~table["simulated"]).sum() >= settings.min_rows else self._read(Wanted())

    def between(self, since: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
        """The real rows from one time until before another."""
        table = self._read(Wanted(since, until))
        return table[~table["simulated"]].reset_index(drop=True)

    def simulated(self) -> pd.DataFrame:
        """The simulated rows."""
        table = self._read(Wanted())
        return table[table["simulated"]].reset_index(drop=True)

    def completed(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of these tables with all features."""
        return condensed.completed(rows, self._ours) if self._ours and not self._foreign and len(rows) else rows

    def _read(self, wanted: Wanted) -> pd.DataFrame:
        foreign = [_foreign(reading.read_all(s).frame, s, self._data) for s in self._foreign]
        if not foreign:
            return condensed.read_condensed(self._ours, wanted, self._kept)
        since, until = wanted.since, wanted.until
        table = read_log(*self._ours, since=since, until=until)
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
