"""Files as tables: Parquet and CSV give the same columns, with notes about unusual files."""

import csv
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from ml.data import file_kinds
from ml.data.arrow_columns import holds_text, series
from ml.data.csv_tables import csv_batches, csv_table, headless, separator_note
from ml.io import files
from ml.io.errors import UserError
from ml.io.text import counted

BUFFER = 1 << 20  # bytes of a column per read of a table in parts
INDEX = re.compile(r"__index_level_\d+__")  # pandas' own metadata


@dataclass(frozen=True)
class Table:
    """A table with the types of its file: text, numbers, booleans and times; `notes` describe unusual properties.

    A CSV file gives text alone, missing where a cell is empty. Types outside the contract stay Arrow types.
    """

    frame: pd.DataFrame
    notes: list[str]


class Header(NamedTuple):
    """The properties of a file that are known before its rows are read."""

    given: dict[str, str]  # the original name of each column by its new name
    texts: set[str]  # columns of text
    notes: list[str]


def read(path: Path | str) -> Table:
    """The table in a .parquet or .csv file; raises UserError when it is absent, empty or cannot be read."""
    with files.opened(Path(path)) as stream:
        return read_open(stream, str(path))


def read_all(url: str) -> Table:
    """All tables of a path or URL of fsspec (wildcards allowed), concatenated; raises UserError if there is none."""
    parts = [read_open(stream, where) for where, stream in files.opened_all(url)]
    if not parts:
        raise UserError(f"{url} contains no file. Correct the address, or write the tables there first.")
    return Table(pd.concat([p.frame for p in parts], ignore_index=True), [note for p in parts for note in p.notes])


def read_open(stream: BinaryIO, where: str, kind: str = "") -> Table:
    """The table in an open file; `kind` is csv or parquet, by default the suffix of `where`."""
    with explained(stream, where):
        found, notes = _parquet(stream) if (kind or where).endswith("parquet") else csv_table(stream, where)
    if not found.num_rows:
        raise UserError(f"{where} has {counted(found.num_columns, 'column')} and no rows. Export the data again.")
    return plain(found, where, notes)


def plain(found: pa.Table, where: str, notes: Iterable[str] = ()) -> Table:
    """An Arrow table as a pandas frame, with the notes of its file."""
    names, renamed = column_names(found.column_names, where)
    columns = {name: series(column) for name, column in zip(names, found.columns, strict=True)}
    return Table(pd.DataFrame(columns, copy=False), [f"{where}: {note}" for note in (*notes, *renamed)])


def header(stream: BinaryIO, where: str) -> Header:
    """The properties of an open .parquet or .csv file before its rows are read. Raises the errors of `read`."""
    with explained(stream, where):
        if where.endswith(".parquet"):
            fields, notes = [f for f in parquet.ParquetFile(stream).schema_arrow if not INDEX.fullmatch(f.name)], []
        else:
            _, separator, found = csv_batches(stream, where)
            fields, notes = [pa.field(name, pa.large_string()) for name in found], separator_note(separator)
    names, renamed = column_names([field.name for field in fields], where)
    texts = {name for name, field in zip(names, fields, strict=True) if holds_text(field.type)}
    given = {name: field.name for name, field in zip(names, fields, strict=True)}
    return Header(given, texts, [f"{where}: {note}" for note in (*notes, *renamed)])


def batches(stream: BinaryIO, where: str, rows: int, only: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of an open .parquet or .csv file in their order, a part at a time, so that memory stays bounded.

    The parts have any length; those of a Parquet file at most `rows`. `only` names columns as the file does. Raises
    what `read` raises.
    """
    with explained(stream, where):
        if not where.endswith(".parquet"):
            yield from csv_batches(stream, where, only)[0]
            return
        file = parquet.ParquetFile(stream, pre_buffer=False, buffer_size=BUFFER)
        names = only or [name for name in file.schema_arrow.names if not INDEX.fullmatch(name)]
        yield from file.iter_batches(rows, columns=names)


@contextmanager
def explained(stream: BinaryIO, where: str) -> Generator[None]:
    """Convert errors of readers of an open file into a UserError about it."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise UserError(
            f"{where} is not UTF-8: byte {error.object[error.start]:#04x} at offset {error.start:,}. "
            f"Save it as UTF-8, e.g. `iconv -f latin1 -t utf-8 {where}`."
        ) from None
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        if isinstance(error, pa.ArrowException) and where.endswith("parquet"):
            stream.seek(0)
            file_kinds.must_be_parquet(stream.read(1000), where)
        line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"{where} cannot be read: {line.removesuffix('.')}. Write the file again.") from None


def _parquet(stream: BinaryIO) -> tuple[pa.Table, list[str]]:
    found = parquet.ParquetFile(stream).read()
    return found.drop_columns([n for n in found.column_names if INDEX.fullmatch(n)]), []


def column_names(given: list[str], where: str) -> tuple[list[str], list[str]]:
    """The unique names of the columns without surrounding spaces, and notes about the changes."""
    names = [name.strip().strip("\ufeff").strip() or f"Unnamed: {place}" for place, name in enumerate(given)]
    if cut := [name for name in names if "\x00" in name]:
        raise UserError(f"{where} has the column {cut[0]!r}, whose name holds a NUL character. Rename it.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        places = [n + 1 for n, name in enumerate(names) if name == twice[0]]
        raise UserError(
            f"{where} has the column {twice[0]!r} more than once: columns {places}. Rename all but one."
            f"{headless(names)}"
        )
    changed = [(old, new) for old, new in zip(given, names, strict=True) if old != new]
    return names, [f"column {old!r} is read as {new!r}" for old, new in changed]
