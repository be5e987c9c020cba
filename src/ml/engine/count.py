"""The counts of the contract's table, chunk by chunk, by the engine."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from ml.data import schema, values
from ml.data.repeats import hashes
from ml.engine.conform import Reading, Readings, TableContract, reading
from ml.engine.source import Chunk
from ml.engine.spread import Team
from ml.engine.table import ChunkedTable
from ml.settings.data import Data
from ml.settings.validate import Validate
from ml.validation.counts import Counted, Counts, counted_rows

FITS = 1_000_000  # rows that the user's own expectations see together; of a longer table, a sample


class CountTask(NamedTuple):
    """The arguments of the work on every chunk."""

    contract: TableContract
    params: Validate
    complete: bool  # whether all columns are there


class Look(NamedTuple):
    """The counts of one chunk."""

    reading: Reading
    counted: Counted | None  # None if a column is missing or cannot be read
    rows: pd.DataFrame | None  # if the user has own expectations


class CountedChunk(NamedTuple):
    """The counts of all chunks."""

    readings: Readings
    counts: Counts
    some: pd.DataFrame | None


def look(chunk: Chunk, task: CountTask) -> Look:
    """Read and count the rows of a chunk."""
    typed = task.contract.typed(chunk)
    told = reading(typed)
    if typed.wrong or not task.complete:
        return Look(told, None, None)
    rows = typed.frame.set_axis(range(chunk.first, chunk.first + len(typed.frame)))
    found = counted_rows(typed.frame, task.contract.data, task.params, chunk.first)
    return Look(told, found, rows if task.params.expectations else None)


def count(table: ChunkedTable, data: Data, params: Validate, team: Team) -> CountedChunk:
    """The counts of the whole table; they do not depend on the engine."""
    complete = {*schema.required(data)} <= {*table.header.given}
    task = CountTask(TableContract(data, table.written(data)), params, complete)
    readings, counts, some = Readings(table, data), Counts(data, params), Sample(data)
    for _, found in team.each(look, table.chunks(), task):
        readings.add(found.reading)
        if found.counted:
            counts.add(found.counted)
        if found.rows is not None:
            some.add(found.rows)
    return CountedChunk(readings, counts, some.rows)


def identity(table: ChunkedTable, data: Data, row: int) -> object:
    """The id of one row."""
    raw = table.cell(data.id, row)
    return values.typed(raw.to_frame(), data, [data.id]).frame[data.id].iloc[0]


class Sample:
    """At most FITS rows of a table: all, or those whose ids hash below the largest sufficient power of one half."""

    def __init__(self, data: Data, most: int = FITS) -> None:
        self._data, self._most, self._share = data, most, 1.0
        self.rows: pd.DataFrame | None = None

    def add(self, rows: pd.DataFrame) -> None:
        """The next rows; the final sample does not depend on the chunk size."""
        self.rows = _concat([self.rows, self._below(rows)])
        while len(self.rows) > self._most and self._share > 2**-40:
            self._share /= 2
            self.rows = self._below(self.rows)

    def _below(self, rows: pd.DataFrame) -> pd.DataFrame:
        places = hashes(rows[[self._data.id]])[:, 0] / 2.0**64
        return rows[places < self._share]


def _concat(parts: Iterable[pd.DataFrame | None]) -> pd.DataFrame:
    return pd.concat([part for part in parts if part is not None])
