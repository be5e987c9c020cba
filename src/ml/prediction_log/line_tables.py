"""Lines of the prediction log as typed tables."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from ml.data.schema import with_columns
from ml.data.words import text
from ml.prediction_log.records import Feedback, Prediction, flat, parse
from ml.prediction_log.targets import Line

KEY = ["segment", "line", "row"]
FEEDBACK = [*KEY, "id", "time", "label"]
FIRST = [*KEY, "request_id", "id", "time", "model", "variant", "simulated", "canary_share"]
LAST = ["score", "label"]
LARGEST = 2**63
ACTUAL = ["actual", "actual_time", "actuals"]


class Tables(NamedTuple):
    """Predicted rows, late labels, the number of unreadable lines, and the damaged files."""

    predictions: pd.DataFrame
    feedback: pd.DataFrame
    unreadable: int
    damaged: str = ""


def tables(lines: Iterable[Line]) -> Tables:
    """Lines as typed tables: ids are text, times UTC; a column of mixed kinds becomes text."""
    predictions, feedback, unreadable = [], [], 0
    for line in lines:
        key = {"segment": line.segment, "line": line.number}
        match parse(line.content):
            case Prediction() as record:
                predictions += _rows(record, key)
            case Feedback() as record:
                feedback.append(key | {"row": 0, "id": text(record.id), "time": record.time, "label": record.label})
            case None:
                unreadable += 1
    return Tables(_frame(predictions, FIRST + LAST), _frame(feedback, FEEDBACK), unreadable)


def once(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """The rows of all parts in one table, each key once; `columns` are those of a table without rows."""
    filled = [frame for frame in frames if len(frame)]
    table = _settled(pd.concat(filled, ignore_index=True)) if filled else _frame([], columns)
    return table.drop_duplicates(KEY, ignore_index=True)


def _rows(record: Prediction, key: dict[str, Any]) -> list[dict[str, Any]]:
    shared = key | {"request_id": record.request_id, "time": record.time, "model": record.model}
    shared |= {"variant": record.variant, "simulated": record.simulated, "canary_share": record.canary_share}
    rows = ({name: _bounded(value) for name, value in flat(row).items()} for row in record.rows)
    return [row | shared | {"row": number, "id": text(row.get("id"))} for number, row in enumerate(rows)]


def _bounded(value: Any) -> Any:
    """Convert integers of JSON that no column can hold to text."""
    return str(value) if isinstance(value, int) and not -LARGEST <= value < LARGEST else value


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    frame = frame.reindex(columns=[*columns, *(name for name in frame if name not in columns)])
    return _settled(frame.assign(time=pd.to_datetime(frame["time"], utc=True).astype("datetime64[us, UTC]")))


def _settled(frame: pd.DataFrame) -> pd.DataFrame:
    return with_columns(frame, {name: _one_kind(frame[name]) for name in frame if frame[name].dtype == object})


def _one_kind(column: pd.Series) -> pd.Series:
    """Convert ids and labels to one type, because a Parquet column has one type and callers send any."""
    kinds = {type(value) for value in column.dropna()}
    return column if kinds <= {bool} else column.map(text).astype("str")
