"""The parts of a prediction log: segments, compacted days and shipped targets, read one after the other."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ml.io.errors import UserError
from ml.io.tables import read_table
from ml.prediction_log import segments
from ml.prediction_log.line_tables import FIRST, KEY, LAST, Tables, tables
from ml.prediction_log.records import feature
from ml.prediction_log.targets import Line, numbered, target

PREDICTIONS, FEEDBACK = "predictions", "feedback"
BATCH = 4_000_000  # bytes of lines that become a table at once: as Python objects they are ten times as large


class Wanted(NamedTuple):
    """Predictions from the day of `since` to that of `until`, and of these segments alone if any are named."""

    since: datetime | None = None
    until: datetime | None = None
    segments: Collection[str] | None = None

    def has(self, segment: str) -> bool:
        """Whether a segment is read."""
        return self.segments is None or segment in self.segments


def read(sources: Iterable[str | Path], wanted: Wanted) -> Iterator[Tables]:
    """All parts of these directories and URLs; some hold more than what is wanted, and a row may be in two."""
    for source in sources:
        if "://" in str(source):
            place = target(str(source))
            yield from _batches(place.read(wanted.since, wanted.segments))
            yield from (tables([])._replace(damaged=why) for why in place.damaged)
            continue
        directory = Path(source)
        # Before the Parquet files, so that a segment that is compacted in between is read there.
        yield from _waiting(directory, wanted)
        for kind, first, last in ((PREDICTIONS, wanted.since, wanted.until), (FEEDBACK, None, None)):
            for path in compacted(directory, kind, first, last):
                if wanted.has(path.stem):
                    yield from _day(directory, path, kind)


def compacted(directory: Path, kind: str, since: datetime | None = None, until: datetime | None = None) -> list[Path]:
    """The Parquet files of a kind, from the day of `since` to that of `until`."""
    first, last = f"day={since:%Y-%m-%d}" if since else "", f"day={until:%Y-%m-%d}" if until else "e"
    folder = directory / "compacted" / kind
    return sorted(p for p in folder.glob("day=*/*.parquet") if first <= p.parent.name <= last)


def _batches(lines: Iterable[Line]) -> Iterator[Tables]:
    batch, size = [], 0
    for line in lines:
        batch.append(line)
        size += len(line.content)
        if size >= BATCH:
            yield tables(batch)
            batch, size = [], 0
    yield tables(batch)


def _waiting(directory: Path, wanted: Wanted) -> Iterator[Tables]:
    for path in segments.listed(directory, segments.OPEN, segments.CLOSED):
        name = segments.name_of(path)
        if wanted.has(name):
            try:
                yield from _batches(numbered(name, segments.content(path)))
            except OSError as error:
                yield tables([])._replace(damaged=f"{path} cannot be read and is left out: {error.strerror}.")


def _day(directory: Path, path: Path, kind: str) -> Iterator[Tables]:
    """One segment's rows of one day; read from the segment, if it still exists, when the Parquet file is damaged."""
    none = tables([])
    try:
        frame = read_table(path)
        if lacking := {*KEY, "id", "time"} - {*frame.columns}:
            raise UserError(f"{path} has no column {', '.join(sorted(lacking))}.")
    except UserError as error:
        kept = segments.content(directory / f"{path.stem}{segments.DONE}")
        if kept:  # its unreadable lines were counted when it was compacted
            yield from (part._replace(unreadable=0) for part in _batches(numbered(path.stem, kept)))
            return
        why = f"{error} It is left out, and an unknown number of rows is lost. Restore the file, or move it away."
        yield none._replace(damaged=why)
        return
    if kind == FEEDBACK:
        yield none._replace(feedback=frame)
    else:
        yield none._replace(predictions=frame.rename(columns=lambda n: n if n in {*FIRST, *LAST} else feature(n)))
