"""CSV files as text alone: the separator, the header and the rows."""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv

from ml.data import file_kinds, numerals
from ml.io.errors import UserError
from ml.io.text import counted

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
HEAD = 1 << 20  # bytes that contain the header
BLOCK = 16 << 20  # the longest row
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def csv_table(stream: BinaryIO, where: str) -> tuple[pa.Table, list[str]]:
    """All rows of an open CSV file, and the notes about it."""
    parts, separator, header = csv_batches(stream, where)
    kinds = pa.schema([(name, pa.large_string()) for name in header])
    found = pa.Table.from_batches(parts, kinds)
    return found, separator_note(separator)


def separator_note(separator: str) -> list[str]:
    """A note about a separator other than the comma."""
    return [] if separator == "," else [f"its separator is {SEPARATORS[separator]} ({separator!r})"]


def headless(names: list[str]) -> str:
    """Advice for a file whose first line seems to hold values: a third of its names are numbers."""
    numbers = sum(numerals.alone(name) is not None for name in names)
    return " Its first line seems to hold values: put a line with names above it." if 3 * numbers > len(names) else ""


def csv_batches(
    stream: BinaryIO, where: str, only: list[str] | None = None
) -> tuple[Iterator[pa.RecordBatch], str, list[str]]:
    """All cells as text, missing where empty, part by part; the separator; the header."""
    head = stream.read(HEAD)
    file_kinds.must_be("CSV", head, where)
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
        longer = {row.actual_columns for row in odd} == {len(header) + 1}
        if longer and all(row.text.rstrip("\r\n").endswith(separator) for row in odd):
            remedy = f"Remove {SEPARATORS[separator]} at the end of these rows."
        elif all(row.actual_columns == 1 < len(header) for row in odd):
            remedy = "Delete these lines if they are notes above or below the table."
        else:
            remedy = f"Quote cells that contain {SEPARATORS[separator]}."
        raise UserError(
            f"{where}: {counted(len(odd), 'row')} without the {counted(len(header), 'cell')} of the header, e.g. row "
            f"{first.number - 1:,} has {first.actual_columns}: {first.text[:80]!r}. "
            f"{remedy}"
        )


def _header(text: str) -> tuple[str, list[str]]:
    """The separator that gives the most columns in the first line, and their names."""
    lines = {separator: next(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=separator)), [])
             for separator in SEPARATORS}  # fmt: skip
    separator = max(lines, key=lambda s: len(lines[s]))
    return separator, lines[separator]
