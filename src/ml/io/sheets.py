"""CSV files: records of plots, and tables for people and spreadsheets."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.io import files
from ml.io.errors import UserError

if TYPE_CHECKING:  # its import takes a second, and verdicts and reports do not need it
    import pandas as pd

NAMING = {"column", "class"}  # of a record: its cells are names, also `1`
DECISIONS = ["actual", "predicted", "rows"]  # a file with these columns counts classes, which have names
FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # the last ones are wide forms of characters with which a spreadsheet's formula may start


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table for people."""
    files.write_text(_csv(frame), path)


def write_sheet(frame: pd.DataFrame, path: Path) -> None:
    """Write a table for a spreadsheet, see `sheet`."""
    files.write_text(sheet(frame), path)


def sheet(frame: pd.DataFrame) -> str:
    """A table as CSV for a spreadsheet; text and names that would be a formula get a leading apostrophe.

    Source: OWASP, CSV Injection.
    """
    return _csv(frame.map(_unformulated).set_axis([*map(_unformulated, frame.columns)], axis="columns"))


def _csv(frame: pd.DataFrame) -> str:
    text = frame.to_csv(index=False, lineterminator="\n")
    if "\r" in text:  # most readers treat it as a line end, but the writer does not quote it
        text = frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text


def _unformulated(value: Any) -> Any:
    """A cell that no spreadsheet treats as a formula; numbers are unchanged."""
    return f"'{value}" if isinstance(value, str) and value[:1] in FORMULA and not _number(value) else value


def write_rows(records: list[dict[str, Any]], path: Path) -> None:
    """Write records as a CSV file for a plot, with six digits per number."""
    lines = [[*records[0]] if records else [], *([_short(value) for value in r.values()] for r in records)]
    breaks = any("\r" in cell for line in lines for cell in line if isinstance(cell, str))  # as in write_csv
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC if breaks else csv.QUOTE_MINIMAL)
    writer.writerows(lines)
    files.write_text(text.getvalue(), path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The records of a CSV file that `write_rows` wrote."""
    try:
        return parse_rows(files.read_bytes(path).decode())
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is damaged: {error}. {files.remedy(path)}") from None


def parse_rows(text: str) -> list[dict[str, Any]]:
    """The records in the text of such a file; raises ValueError for a row that is longer or shorter than the header."""
    header, *rows = [*csv.reader(io.StringIO(text, newline=""), strict=True)] or [[]]
    records = [dict(zip(header, row, strict=True)) for row in rows if row]
    naming = NAMING | {*DECISIONS[:2]} if header == DECISIONS else NAMING
    return [{key: cell if key in naming else _value(cell) for key, cell in record.items()} for record in records]


def _number(text: str) -> bool:
    return isinstance(_value(text), float)


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
