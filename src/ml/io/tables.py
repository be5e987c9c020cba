"""Parquet tables of the pipeline: read, written at once or in parts; each write is atomic."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ml.io import files
from ml.io.errors import UserError

if TYPE_CHECKING:  # its import takes a second, and verdicts and reports do not need it
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

GROUP = 100_000  # rows of a group in a Parquet file that is written in parts


class Table(Protocol):
    """A table with columns by name: a pandas frame, or a table on disk."""

    def __len__(self) -> int:
        """Its rows."""
        ...

    def __getitem__(self, names: Any, /) -> Any:
        """One column as a series, several as a frame."""
        ...


class StoredTable:
    """A Parquet table of the pipeline that reads each column on access and keeps none in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __len__(self) -> int:
        with _opened(self._path) as file:
            return file.metadata.num_rows

    def __getitem__(self, names: Any, /) -> Any:
        return read_table(self._path, [names])[names] if isinstance(names, str) else read_table(self._path, [*names])

    def parts(self, names: list[str]) -> Iterator[pd.DataFrame]:
        """The rows of some columns, GROUP of them at a time."""
        import pyarrow as pa  # noqa: PLC0415

        with _opened(self._path) as file:
            for batch in file.iter_batches(GROUP, columns=names):
                yield pa.Table.from_batches([batch]).to_pandas()


def parts(table: Table, names: list[str]) -> Iterable[pd.DataFrame]:
    """The rows of some columns of a table, in parts if it is on disk."""
    return table.parts(names) if isinstance(table, StoredTable) else [table[names]]


def read_table(path: Path | str, columns: list[str] | None = None) -> pd.DataFrame:
    """A Parquet table of the pipeline, or some of its columns; raises UserError if it is absent, empty or unreadable.

    ml.data.reading reads the tables of users, in all supported formats.
    """
    with _opened(Path(path)) as file:
        return file.read(columns).to_pandas()


@contextmanager
def _opened(path: Path) -> Generator[parquet.ParquetFile]:
    """A Parquet file; errors of the reader become a sentence."""
    from pyarrow import parquet  # noqa: PLC0415

    with files.opened(path) as stream:
        try:
            yield parquet.ParquetFile(stream)
        except (OSError, ValueError) as error:  # pyarrow's errors are of both types
            raise UserError(f"{path} cannot be read: {files.first_line(error)} Write the file again.") from None


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a Parquet file; the same frame gives the same bytes."""
    with files.replacing(path) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")


def as_parquet(frame: pd.DataFrame) -> bytes:
    """The bytes of a Parquet file with these rows."""
    return frame.to_parquet(None, index=False, compression="zstd")


def as_arrow(frame: pd.DataFrame) -> pa.Table:
    """The rows for TableParts, without the index."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.Table.from_pandas(frame, preserve_index=False)


class TableParts:
    """A Parquet file with row groups of GROUP rows, independent of the size of the written parts."""

    def __init__(self, path: Path) -> None:
        self._path, self._writer, self._waiting, self.rows = path, None, [], 0

    def add(self, table: pa.Table) -> None:
        """Write the next rows, with the columns of the first part; a column without values has the type text."""
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415

        if not self._writer:
            fields = [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in table.schema]
            about = {k: v.replace(b'"empty"', b'"unicode"') for k, v in (table.schema.metadata or {}).items()}
            self._schema = pa.schema(fields, metadata=about)
            self._writer = parquet.ParquetWriter(self._path, self._schema, compression="zstd")
        self._waiting.append(table.cast(pa.schema([*self._schema])).replace_schema_metadata(self._schema.metadata))
        self.rows += table.num_rows
        waiting = pa.concat_tables(self._waiting)
        while waiting.num_rows > GROUP:
            self._writer.write_table(waiting.slice(0, GROUP).combine_chunks())
            waiting = waiting.slice(GROUP)
        self._waiting = [waiting]

    def close(self) -> None:
        """Write the remaining rows."""
        if self._writer:
            for table in self._waiting:
                self._writer.write_table(table.combine_chunks())
            self._writer.close()


@contextmanager
def table_in_parts(path: Path) -> Generator[TableParts]:
    """A table that appears complete at the end of the block, or not at all if the block raises."""
    with files.replacing(path) as temporary:
        parts = TableParts(temporary)
        try:
            yield parts
        finally:
            parts.close()
