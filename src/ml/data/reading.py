"""Files as tables: Parquet and CSV give the same columns, with notes about unusual files."""

import csv
import io
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from ml.io import files
from ml.io.errors import UserError
from ml.io.text import counted

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
HEAD = 1 << 20  # bytes that contain the header
BLOCK = 16 << 20  # the longest row
INTS = ("Int8", "Int16", "Int32", "Int64")
SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
NULLABLE = {
    pa.bool_(): pd.BooleanDtype(),
    **{pa.type_for_alias(n.lower()): getattr(pd, f"{n}Dtype")() for n in (*INTS, *(f"U{n}" for n in INTS))},
}
BUFFER = 1 << 20  # bytes of a column per read of a table in parts
INDEX = re.compile(r"__index_level_\d+__")  # pandas' own metadata
UTF16 = (b"\xff\xfe", b"\xfe\xff")


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
    with _explained(where):
        found, notes = _parquet(stream) if (kind or where).endswith("parquet") else _csv(stream, where)
    if not found.num_rows:
        raise UserError(f"{where} has {counted(found.num_columns, 'column')} and no rows. Export the data again.")
    return plain(found, where, notes)


def plain(found: pa.Table, where: str, notes: Iterable[str] = ()) -> Table:
    """An Arrow table as a pandas frame, with the notes of its file."""
    names, renamed = column_names(found.column_names, where)
    columns = {name: _plain(column) for name, column in zip(names, found.columns, strict=True)}
    return Table(pd.DataFrame(columns, copy=False), [f"{where}: {note}" for note in (*notes, *renamed)])


def header(stream: BinaryIO, where: str) -> Header:
    """The properties of an open .parquet or .csv file before its rows are read. Raises the errors of `read`."""
    with _explained(where):
        if where.endswith(".parquet"):
            fields, notes = [f for f in parquet.ParquetFile(stream).schema_arrow if not INDEX.fullmatch(f.name)], []
        else:
            _, separator, found = _csv_batches(stream, where)
            fields, notes = [pa.field(name, pa.large_string()) for name in found], _separated(separator)
    names, renamed = column_names([field.name for field in fields], where)
    texts = {name for name, field in zip(names, fields, strict=True) if _holds_text(field.type)}
    given = {name: field.name for name, field in zip(names, fields, strict=True)}
    return Header(given, texts, [f"{where}: {note}" for note in (*notes, *renamed)])


def batches(stream: BinaryIO, where: str, rows: int, only: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of an open .parquet or .csv file in their order, a part at a time, so that memory stays bounded.

    The parts have any length; those of a Parquet file at most `rows`. `only` names columns as the file does. Raises
    what `read` raises.
    """
    with _explained(where):
        if not where.endswith(".parquet"):
            yield from _csv_batches(stream, where, only)[0]
            return
        file = parquet.ParquetFile(stream, pre_buffer=False, buffer_size=BUFFER)
        names = only or [name for name in file.schema_arrow.names if not INDEX.fullmatch(name)]
        yield from file.iter_batches(rows, columns=names)


@contextmanager
def _explained(where: str) -> Generator[None]:
    """Convert errors of readers into a UserError about the file."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise UserError(
            f"{where} is not UTF-8: byte {error.object[error.start]:#04x} at offset {error.start:,}. "
            f"Save it as UTF-8, e.g. `iconv -f latin1 -t utf-8 {where}`."
        ) from None
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(f"{where} cannot be read: {line.removesuffix('.')}. Write the file again.") from None


def _parquet(stream: BinaryIO) -> tuple[pa.Table, list[str]]:
    found = parquet.ParquetFile(stream).read()
    return found.drop_columns([n for n in found.column_names if INDEX.fullmatch(n)]), []


def _csv(stream: BinaryIO, where: str) -> tuple[pa.Table, list[str]]:
    parts, separator, header = _csv_batches(stream, where)
    kinds = pa.schema([(name, pa.large_string()) for name in header])
    found = pa.Table.from_batches(parts, kinds)
    return found, _separated(separator)


def _separated(separator: str) -> list[str]:
    return [] if separator == "," else [f"its separator is {SEPARATORS[separator]} ({separator!r})"]


def _csv_batches(
    stream: BinaryIO, where: str, only: list[str] | None = None
) -> tuple[Iterator[pa.RecordBatch], str, list[str]]:
    """All cells as text, missing where empty, part by part; the separator; the header."""
    head = stream.read(HEAD)
    if head.startswith(UTF16):
        raise UserError(f"{where} is UTF-16. Save it as UTF-8, e.g. `iconv -f utf-16 -t utf-8 {where}`.")
    if not head.strip():
        raise UserError(f"{where} has no header and no rows. Export the data again.")
    separator, header = _header(head[: head.rfind(b"\n") + 1 or None].decode("utf-8-sig"))
    stream.seek(0)
    return _rows(stream, where, (separator, header), only), separator, header


def _rows(
    stream: BinaryIO, where: str, form: tuple[str, list[str]], only: list[str] | None
) -> Iterator[pa.RecordBatch]:
    """Raise UserError at the end if rows have another length than the header."""
    separator, header = form
    odd: list[arrow_csv.InvalidRow] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    reading = arrow_csv.ReadOptions(block_size=BLOCK, use_threads=False)  # threads would not count the rows
    parsing = arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=skip)
    text = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.large_string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        include_columns=only or [],
    )
    try:
        yield from arrow_csv.open_csv(stream, reading, parsing, text)
    except pa.ArrowInvalid:
        stream.seek(0)
        stream.read().decode()  # raises an error with the position of bytes that are not UTF-8
        raise
    if odd:
        first = odd[0]
        raise UserError(
            f"{where}: {counted(len(odd), 'row')} without the {counted(len(header), 'cell')} of the header, e.g. row "
            f"{first.number - 1:,} has {first.actual_columns}: {first.text[:80]!r}. "
            f"Quote cells that contain {SEPARATORS[separator]}."
        )


def _header(text: str) -> tuple[str, list[str]]:
    """The separator that gives the most columns in the first line, and their names."""
    lines = {separator: next(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=separator)), [])
             for separator in SEPARATORS}  # fmt: skip
    separator = max(lines, key=lambda s: len(lines[s]))
    return separator, lines[separator]


def column_names(given: list[str], where: str) -> tuple[list[str], list[str]]:
    """The unique names of the columns without surrounding spaces, and notes about the changes."""
    names = [name.strip().strip("\ufeff").strip() or f"Unnamed: {place}" for place, name in enumerate(given)]
    if cut := [name for name in names if "\x00" in name]:
        raise UserError(f"{where} has the column {cut[0]!r}, whose name holds a NUL character. Rename it.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        places = [n + 1 for n, name in enumerate(names) if name == twice[0]]
        raise UserError(f"{where} has the column {twice[0]!r} more than once: columns {places}. Rename all but one.")
    changed = [(old, new) for old, new in zip(given, names, strict=True) if old != new]
    return names, [f"column {old!r} is read as {new!r}" for old, new in changed]


def _holds_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _holds_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _plain(column: pa.ChunkedArray) -> pd.Series:
    """A column as a pandas series: exact integers; decimals and durations (in seconds) as floats."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(column.cast(kind.storage_type))
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    made = next((make for fits, make in KINDS if fits(kind)), None)
    return made(column) if made else pd.Series(pd.array(column, dtype=pd.ArrowDtype(kind)))  # lists, structs, bytes


def _text(column: pa.ChunkedArray) -> pd.Series:
    return pc.cast(column, pa.large_string()).to_pandas().astype("str")


def _float(column: pa.ChunkedArray) -> pd.Series:
    return column.cast(pa.float64()).to_pandas().astype("float64")


def _date(column: pa.ChunkedArray) -> pd.Series:
    return column.cast(pa.timestamp("s")).cast(pa.timestamp("us")).to_pandas()


def _time(column: pa.ChunkedArray) -> pd.Series:
    return pc.cast(column, pa.timestamp("us", tz=column.type.tz), safe=False).to_pandas()


def _seconds(column: pa.ChunkedArray) -> pd.Series:
    return _float(
        pc.divide(  # ty: ignore[missing-attribute]  (made when it is imported)
            pc.cast(column, pa.int64()).cast(pa.float64()), SECOND[column.type.unit]
        )
    )


def _exact(column: pa.ChunkedArray) -> pd.Series:
    """Integers and booleans; with missing values, in the nullable types of pandas."""
    return column.to_pandas(types_mapper=NULLABLE.get) if column.null_count else column.to_pandas()


def _decimal(column: pa.ChunkedArray) -> pd.Series:
    """Integers if all values are whole, as text if too large; otherwise floats."""
    if column.type.scale > 0:
        return _float(column)
    try:
        return _exact(column.cast(pa.int64()))
    except pa.ArrowInvalid:
        return _text(column)


KINDS = (
    (pa.types.is_string, _text),
    (pa.types.is_large_string, _text),
    (pa.types.is_string_view, _text),
    (pa.types.is_time, _text),
    (pa.types.is_null, _text),
    (pa.types.is_floating, _float),
    (pa.types.is_integer, _exact),
    (pa.types.is_boolean, _exact),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_date, _date),
    (pa.types.is_timestamp, _time),
    (pa.types.is_duration, _seconds),
)
