"""Parquet tables of the pipeline: read, written at once or in parts; each write is atomic."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ml.io import files
from ml.io.errors import UserError

if TYPE_CHECKING:  # its import takes a second, and verdicts and reports do not need it
    import pandas as pd

GROUP = 100_000  # rows of a group in a Parquet file that is written in parts


def read_table(path: Path | str) -> pd.DataFrame:
    """A Parquet table of the pipeline; raises UserError if it is absent, empty or unreadable.

    ml.data.reading reads the tables of users, in all supported formats.
    """
    import pandas as pd  # noqa: PLC0415

    path = Path(path)
    with files.opened(path) as stream:
        try:
            return pd.read_parquet(stream, partitioning=None)
        except (OSError, ValueError) as error:  # pyarrow's errors are of both types
            raise UserError(f"{path} cannot be read: {files.first_line(error)} Write the file again.") from None


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a Parquet file; the same frame gives the same bytes."""
    with files.replacing(path) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")


class TableParts:
    """A Parquet file with row groups of GROUP rows, independent of the size of the written parts."""

    def __init__(self, path: Path) -> None:
        self._path, self._writer, self._waiting, self.rows = path, None, [], 0

    def add(self, frame: pd.DataFrame) -> None:
        """Write the next rows, with the columns of the first part; a column without values has the type text."""
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415

        table = pa.Table.from_pandas(frame, preserve_index=False)
        if not self._writer:
            fields = [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in table.schema]
            about = {k: v.replace(b'"empty"', b'"unicode"') for k, v in (table.schema.metadata or {}).items()}
            self._schema = pa.schema(fields, metadata=about)
            self._writer = parquet.ParquetWriter(self._path, self._schema, compression="zstd")
        self._waiting.append(table.cast(pa.schema([*self._schema])).replace_schema_metadata(self._schema.metadata))
        self.rows += len(frame)
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
