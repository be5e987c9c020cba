"""Tables of any size in chunks: a file, a folder of files, a URL of fsspec, or a query of PostgreSQL."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from ml.data import reading
from ml.engine import table_files
from ml.io.errors import UserError

POSTGRES = {"postgresql", "postgres"}
NONE = "__HIVE_DEFAULT_PARTITION__"  # a missing value in folder names of Hive and Spark


class Chunk(NamedTuple):
    """Rows of one file; `first` is the position of the first of them there, from 0."""

    where: str
    first: int
    rows: pa.Table


class Source(Protocol):
    """A table that can be read in chunks."""

    @property
    def identity(self) -> list[str] | None:
        """A fingerprint that is equal if reading again gives the same rows; None if unknown."""
        ...

    @property
    def total(self) -> int | None:
        """The number of rows, if it is known before they are read."""
        ...

    @property
    def texts(self) -> frozenset[str]:
        """Columns that are text in some file, as far as this is known before rows are read."""
        ...

    def chunks(self, rows: int, only: Sequence[str] = ()) -> Iterator[Chunk]:
        """All rows in chunks of limited size, equal in each call; only these columns, if any are named.

        Raises UserError if they cannot be read.
        """


def opened(address: str, query: str = "") -> Source:
    """The table at an address; only PostgreSQL needs a query."""
    if urlsplit(address).scheme in POSTGRES:
        if not query:
            raise UserError(f"{shown(address)} needs a query: QUERY='select …'.")
        return Query(address, query)
    if query:
        raise UserError(f"{shown(address)} accepts no query: only postgresql://… does. Leave out QUERY=.")
    return Files(address)


def must_be_apart(data: str, out: str) -> None:
    """Raise UserError if an output would be in the folder that is read, because the next run would read it too."""
    ours, theirs = (_parts(address) for address in (out, data))
    if urlsplit(data).scheme not in POSTGRES and ours[: len(theirs)] == theirs:
        raise UserError(f"OUT {shown(out)} lies in DATA {shown(data)}, which is to be read. Name an OUT outside of it.")


def _parts(address: str) -> tuple[str, ...]:
    """Scheme and folders of an address, equal for every spelling."""
    local = address.removeprefix("file://").removeprefix("local://")
    return tuple(local.rstrip("/").split("/")) if "://" in local else Path(local).resolve().parts


def shown(address: str) -> str:
    """An address without password and query, for messages."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.scheme else address


@dataclass(frozen=True)
class Query:
    """The rows of a PostgreSQL query at its start."""

    address: str
    query: str
    identity: None = None
    total: None = None
    texts: frozenset[str] = frozenset()  # each number in text is read separately: another query might give other rows

    def chunks(self, rows: int, only: Sequence[str] = ()) -> Iterator[Chunk]:
        """The rows in the database's order."""
        where = shown(self.address)
        try:
            import psycopg  # noqa: PLC0415
        except ImportError:
            raise UserError("psycopg is missing: install the extra `shipping`, pip install 'ml[shipping]'.") from None
        try:
            with psycopg.connect(self.address, connect_timeout=10) as connection, connection.cursor("score") as cursor:
                cursor.execute(self.query.encode())
                first = 0
                while found := cursor.fetchmany(rows):
                    names = [column.name for column in cursor.description or ()]
                    cells = [pa.array(values) for values in zip(*found, strict=True)]
                    table = pa.Table.from_arrays(cells, names)
                    yield Chunk(where, first, table.select(list(only)) if only else table)
                    first += len(found)
        except (psycopg.Error, pa.ArrowException) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{where} gives no rows: {reason}. Correct the address or the query.") from None


class Files:
    """A .parquet or .csv file, all of a folder, or all that match a pattern, on this machine or at a URL."""

    def __init__(self, address: str) -> None:
        self._where = shown(address)
        try:
            import fsspec  # noqa: PLC0415

            self._system, path = fsspec.core.url_to_fs(address)
            self._paths = table_files.found(self._system, path, self._where)
            self._root = path if self._system.isdir(path) else re.split(r"[*?[]", path)[0].rpartition("/")[0]
            self.identity = [self._known(path) for path in self._paths]
            self.total = self._count()
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - every file system raises its own kinds
            raise self._unreachable(error) from None

    @cached_property
    def texts(self) -> frozenset[str]:
        """Of all files together."""
        return frozenset(name for header in self._headers.values() for name in header.texts)

    @cached_property
    def _headers(self) -> dict[str, reading.Header]:
        return {path: self._header(path) for path in self._paths}

    def chunks(self, rows: int, only: Sequence[str] = ()) -> Iterator[Chunk]:
        """File after file, in the order of their names."""
        for path in self._paths:
            given = self._headers[path].given if only else {}
            names = [given[name] for name in only if name in given]
            if only and not names:
                continue
            try:
                with self._system.open(path, "rb") as stream:
                    first = 0
                    for table in even(reading.batches(stream, path, rows, names), rows):
                        yield Chunk(path, first, self._with_folders(table, path))
                        first += table.num_rows
            except (UserError, GeneratorExit):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                raise self._unreachable(error) from None

    def _header(self, path: str) -> reading.Header:
        try:
            with self._system.open(path, "rb") as stream:
                return reading.header(stream, path)
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            raise self._unreachable(error) from None

    def _with_folders(self, table: pa.Table, path: str) -> pa.Table:
        """The rows with the columns in the names of folders below the address, like `plan=basic` (Hive)."""
        folders = path.removeprefix(self._root).split("/")[:-1]
        for name, _, value in (folder.partition("=") for folder in folders if "=" in folder):
            if name not in table.column_names:
                text = None if value == NONE else unquote(value)
                table = table.append_column(name, pa.repeat(pa.scalar(text, pa.large_string()), table.num_rows))
        return table

    def _known(self, path: str) -> str:
        about = self._system.info(path)
        stamps = [about.get(name) for name in ("size", "mtime", "ETag", "etag", "LastModified", "updated")]
        return " ".join(map(str, [path, *filter(None, stamps)]))

    def _count(self) -> int | None:
        if not all(path.endswith(".parquet") for path in self._paths):
            return None
        return sum(self._rows(path) for path in self._paths)

    def _rows(self, path: str) -> int:
        with self._system.open(path, "rb") as stream, reading.explained(stream, path):
            return parquet.ParquetFile(stream).metadata.num_rows

    def _unreachable(self, error: Exception) -> UserError:
        reason = " ".join(str(error).split()) or type(error).__name__
        return UserError(f"{self._where} cannot be read: {reason[:300]}. Correct the address or its credentials.")


class Held:
    """A table in memory, as `make score` reads one from Excel or a compressed file."""

    def __init__(self, where: str, frame: pd.DataFrame) -> None:
        about = Path(where).stat()
        self._where, self._frame = where, frame
        self.identity, self.total = [f"{where} {about.st_size} {about.st_mtime}"], len(frame)
        self.texts = frozenset(str(name) for name in frame if not pd.api.types.is_numeric_dtype(frame[name]))

    def chunks(self, rows: int, only: Sequence[str] = ()) -> Iterator[Chunk]:
        """The rows in their order."""
        names = [*only] or [*self._frame]
        for first in range(0, self.total, rows):
            part = self._frame[names].iloc[first : first + rows]
            yield Chunk(self._where, first, pa.Table.from_pandas(part, preserve_index=False))


def even(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """The rows in tables of equal size, except for the last."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        while count >= rows:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, rows)
            waiting, count = table.slice(rows).to_batches(), count - rows
    if count:
        yield pa.Table.from_batches(waiting)
