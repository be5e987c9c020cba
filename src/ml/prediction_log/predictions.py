"""The prediction log as one table, read from segments, compacted days and shipped targets."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ml.data import times
from ml.data.schema import with_columns
from ml.data.words import text
from ml.io import cli
from ml.io.errors import UserError
from ml.io.tables import read_table
from ml.prediction_log import resent, segments
from ml.prediction_log.records import PREFIX, Feedback, Prediction, feature, flat, parse
from ml.prediction_log.targets import Line, numbered, target

PREDICTIONS, FEEDBACK = "predictions", "feedback"
KEY = ["segment", "line", "row"]
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


def read_log(*sources: str | Path, since: Any = None, until: Any = None) -> pd.DataFrame:
    """One row for each predicted row of all sources, without duplicates, oldest first.

    Columns: segment, line and row (the key), request_id, id, time, model, variant, simulated, canary_share (missing
    without a canary), the features as `features.<name>`, score, label, then `actual` (the latest label of this id from
    feedback), `actual_time` and `actuals` (the number of its labels). A source is a directory or a URL; predictions are
    taken from `since` to before `until` (ISO dates, UTC), feedback always. A request that a proxy sent again counts
    once (ml.prediction_log.resent). In `attrs`, `repeated` counts the rows left out for this, `unreadable` the lines
    that are not records, and `unmatched` the ids that got a label after `since` but have no prediction; `damaged` names
    files that are left out because they cannot be read. Raises UserError when a source cannot be read.
    """
    start, end = _moment(since, "since"), _moment(until, "until")
    parts = [part for source in sources for part in _read(source, start, end)]
    feedback = _once([part.feedback for part in parts], [*KEY, "id", "time", "label"])
    unreadable, damaged = sum(part.unreadable for part in parts), [part.damaged for part in parts if part.damaged]
    found = _once([part.predictions for part in parts], FIRST + LAST)
    del parts  # a long log must not be in memory twice
    read, found = len(found), resent.once(found)
    repeated = read - len(found)
    came = feedback if start is None else feedback[feedback["time"] >= start]
    unmatched = came["id"][~came["id"].isin(found["id"])].nunique()
    if start is not None:
        found = found[found["time"] >= start]
    if end is not None:
        found = found[found["time"] < end]
    table = joined(found, feedback)
    table.attrs |= {"unmatched": unmatched, "unreadable": unreadable, "repeated": repeated, "damaged": damaged}
    for why in table.attrs["damaged"]:
        cli.say(f"log: {why}")
    return table


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
    return Tables(_frame(predictions, FIRST + LAST), _frame(feedback, [*KEY, "id", "time", "label"]), unreadable)


def joined(predictions: pd.DataFrame, feedback: pd.DataFrame) -> pd.DataFrame:
    """Predicted rows, each with the latest label of its id and how many labels that id has."""
    newest = feedback.sort_values(["time", *KEY]).drop_duplicates("id", keep="last")
    newest = newest.rename(columns={"label": "actual", "time": "actual_time"})[["id", "actual", "actual_time"]]
    newest = newest.assign(actuals=newest["id"].map(feedback["id"].value_counts()))
    features = [name for name in predictions if name.startswith(PREFIX)]
    table = predictions.reindex(columns=[*FIRST, *features, *LAST]).merge(newest, on="id", how="left")
    table = table.assign(actuals=table["actuals"].fillna(0).astype("int64"), simulated=table["simulated"].eq(True))
    return table.sort_values(["time", *KEY], ignore_index=True)


def real(table: pd.DataFrame) -> pd.DataFrame:
    """The real rows; where there are none, the simulated ones."""
    return table if table["simulated"].all() else table[~table["simulated"]]


def early(table: pd.DataFrame) -> pd.Series:
    """Whether each label is older than its prediction: then it belongs to an earlier prediction of the id."""
    return table["actual"].notna() & (table["actual_time"] < table["time"])


def by_day(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each UTC day."""
    return {str(day): part.reset_index(drop=True) for day, part in frame.groupby(frame["time"].dt.strftime("%Y-%m-%d"))}


def compacted(directory: Path, kind: str, since: datetime | None = None, until: datetime | None = None) -> list[Path]:
    """The Parquet files of a kind, from the day of `since` to that of `until`."""
    first, last = f"day={since:%Y-%m-%d}" if since else "", f"day={until:%Y-%m-%d}" if until else "e"
    folder = directory / "compacted" / kind
    return sorted(p for p in folder.glob("day=*/*.parquet") if first <= p.parent.name <= last)


def _read(source: str | Path, since: datetime | None, until: datetime | None) -> Iterator[Tables]:
    if "://" in str(source):
        place = target(str(source))
        yield tables(place.read(since))
        yield from (tables([])._replace(damaged=why) for why in place.damaged)
        return
    directory = Path(source)
    # Before the Parquet files, so that a segment that is compacted in between is read there.
    yield from _waiting(directory)
    for kind, first, last in ((PREDICTIONS, since, until), (FEEDBACK, None, None)):
        for path in compacted(directory, kind, first, last):
            yield _day(directory, path, kind)


def _waiting(directory: Path) -> Iterator[Tables]:
    for path in segments.listed(directory, segments.OPEN, segments.CLOSED):
        try:
            yield tables(numbered(segments.name_of(path), segments.content(path)))
        except OSError as error:
            yield tables([])._replace(damaged=f"{path} cannot be read and is left out: {error.strerror}.")


def _day(directory: Path, path: Path, kind: str) -> Tables:
    """One segment's rows of one day; read from the segment, if it still exists, when the Parquet file is damaged."""
    none = tables([])
    try:
        frame = read_table(path)
        if lacking := {*KEY, "id", "time"} - {*frame.columns}:
            raise UserError(f"{path} has no column {', '.join(sorted(lacking))}.")
        if kind == FEEDBACK:
            return none._replace(feedback=frame)
        return none._replace(predictions=frame.rename(columns=lambda n: n if n in {*FIRST, *LAST} else feature(n)))
    except UserError as error:
        name, kept = path.stem, segments.content(directory / f"{path.stem}{segments.DONE}")
        if kept:
            return tables(numbered(name, kept))._replace(unreadable=0)  # counted when it was compacted
        why = f"{error} It is left out, and an unknown number of rows is lost. Restore the file, or move it away."
        return none._replace(damaged=why)


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


def _once(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    table = _settled(pd.concat(filled, ignore_index=True)) if filled else _frame([], columns)
    return table.drop_duplicates(KEY, ignore_index=True)


def _moment(value: Any, name: str) -> pd.Timestamp | None:
    if value in (None, ""):
        return None
    moment = value if isinstance(value, pd.Timestamp) else times.utc(pd.Series([str(value)]))[0]
    if pd.isna(moment):
        raise UserError(f"{name}: {value!r} is not a date. Write it like 2026-01-31 or 2026-01-31T12:00Z.")
    return moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")
