"""The table of the contract: as its file has it a chunk at a time, or one column of it alone."""

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

ROWS = 100_000  # of a chunk: a constant, so that sums are equal on every engine


@dataclass(frozen=True)
class ChunkedTable:
    """A .parquet or .csv file on this machine, however long."""

    path: str

    @cached_property
    def header(self) -> reading.Header:
        """Its columns. Raises UserError when the file is absent, empty or cannot be read."""
        with files.opened(Path(self.path)) as stream:
            return reading.header(stream, self.path)

    def chunks(self, only: list[str] | None = None) -> Iterator[Chunk]:
        """All rows in their order, of all columns or of these alone. Raises UserError where there is none."""
        names = {self.header.given[name]: name for name in only} if only else {}
        first = 0
        with files.opened(Path(self.path)) as stream:
            for rows in even(reading.batches(stream, self.path, ROWS, [*names]), ROWS):
                known = [names.get(name, name) for name in rows.column_names]  # a name that is empty counts its place
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
        """How each column of numbers in text is written, which only all rows tell."""
        target = {data.target.name} if data.target.numeric else set()
        names = sorted({*schema.numbers(data), *target} & self.header.texts)
        return written(self.chunks(names), names) if names else {}


def written(chunks: Iterable[Chunk], names: Iterable[str]) -> dict[str, Writing]:
    """How these columns of text write numbers, as far as the rows tell; where one is absent or has numbers, nothing."""
    found = dict.fromkeys(names, Writing())
    for chunk in chunks:
        rows = frame(chunk)
        text = [name for name in found if name in rows and not pd.api.types.is_numeric_dtype(rows[name])]
        found |= {name: found[name].plus(number_columns.writing(_stripped(rows[name]))) for name in text}
    return found


def _stripped(column: pd.Series) -> pd.Series:
    return cells.as_strings(column).str.strip()


def frame(chunk: Chunk) -> pd.DataFrame:
    """The rows of a chunk as pandas has them, numbered from 0."""
    rows = pa.Table.from_batches(chunk.rows.to_batches(), chunk.rows.schema)
    return reading.plain(rows, chunk.where).frame
