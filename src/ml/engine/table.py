"""The contract's table: in chunks as in its file, or one column alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa

from ml.data import cells, number_columns, reading, schema
from ml.data.numerals import Writing
from ml.engine.source import Chunk, even
from ml.io import files
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.data import Data

ROWS = 100_000  # of a chunk: a constant, so that sums are equal with every engine


@dataclass(frozen=True)
class ChunkedTable:
    """A .parquet or .csv file of any length on this machine."""

    path: str

    @cached_property
    def header(self) -> reading.Header:
        """Its columns. Raises UserError if the file is absent, empty or unreadable."""
        with files.opened(Path(self.path)) as stream:
            return reading.header(stream, self.path)

    def chunks(self, only: list[str] | None = None) -> Iterator[Chunk]:
        """All rows in their order, of all columns or only of these. Raises UserError if there is none."""
        names = {self.header.given[name]: name for name in only} if only else {}
        first = 0
        with files.opened(Path(self.path)) as stream:
            for rows in even(reading.batches(stream, self.path, ROWS, [*names]), ROWS):
                known = [names.get(name, name) for name in rows.column_names]  # an empty name counts for its position
                yield Chunk(self.path, first, rows.rename_columns(known))
                first += rows.num_rows
        if not first:
            columns = counted(len(self.header.given), "column")
            raise UserError(f"{self.path} has {columns} and no rows. Export the data again.")

    def column(self, name: str) -> pd.Series:
        """All rows of one column."""
        return pd.concat([frame(chunk)[name] for chunk in self.chunks([name])], ignore_index=True)

    def cell(self, name: str, row: int) -> pd.Series:
        """One row of one column."""
        chunk = next(chunk for chunk in self.chunks([name]) if row < chunk.first + chunk.rows.num_rows)
        return frame(chunk)[name].iloc[[row - chunk.first]]

    def written(self, data: Data) -> dict[str, Writing]:
        """The number format of each text column of numbers, which only all rows determine."""
        target = {data.target.name} if data.target.numeric else set()
        names = sorted({*schema.numbers(data), *target} & self.header.texts)
        return written(self.chunks(names), names) if names else {}


def written(chunks: Iterable[Chunk], names: Iterable[str]) -> dict[str, Writing]:
    """The number format of these text columns, as far as the rows determine it; none for absent columns and numbers."""
    found = dict.fromkeys(names, Writing())
    for chunk in chunks:
        rows = frame(chunk)
        text = [name for name in found if name in rows and not pd.api.types.is_numeric_dtype(rows[name])]
        found |= {name: found[name].plus(number_columns.writing(_stripped(rows[name]))) for name in text}
    return found


def _stripped(column: pd.Series) -> pd.Series:
    return cells.as_strings(column).str.strip()


def frame(chunk: Chunk) -> pd.DataFrame:
    """The rows of a chunk in pandas, numbered from 0."""
    rows = pa.Table.from_batches(chunk.rows.to_batches(), chunk.rows.schema)
    return reading.plain(rows, chunk.where).frame
