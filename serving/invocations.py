"""MLflow's scoring protocol: its four request formats as rows of the contract."""

import csv
import io
from collections.abc import Sized
from itertools import islice
from typing import Any

from pydantic_core import from_json

from ml.data import words
from ml.io.text import counted
from ml.settings.data import Data, Number
from serving.events import Refused

SHAPES = "dataframe_split, dataframe_records, instances or inputs"
CSV, JSON = "text/csv", "application/json"


def rows_of(content: bytes, kind: str, data: Data, most: int) -> list[dict[str, Any]]:
    """The rows in a body of this content type, not yet checked; raises Refused for another shape, and for too many."""
    if kind == CSV:
        return _csv(content, data, most)
    if kind != JSON:
        raise Refused(415, "content type", "Send application/json or text/csv.")
    try:
        given = from_json(content)
    except ValueError as error:
        raise Refused(400, "json", f"The body is not JSON: {error}.") from None
    shapes = [k for k in given if k in SHAPES.replace(",", "").split()] if isinstance(given, dict) else []
    if len(shapes) != 1:
        raise Refused(400, "shape", f"The body must be an object with exactly one of {SHAPES}.")
    found = _rows(shapes[0], given[shapes[0]], data, most)
    return [{str(k): None if v != v else v for k, v in row.items()} for row in found]  # noqa: PLR0124  (NaN is missing)


def _rows(shape: str, value: Any, data: Data, most: int) -> list[dict[str, Any]]:
    try:
        if shape == "dataframe_split":
            return [dict(zip(value["columns"], row, strict=True)) for row in _few(value["data"], most)]
        if shape == "inputs" and isinstance(value, dict):
            columns = {k: _few(v, most) if isinstance(v, list) else [v] for k, v in value.items()}
            return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return [
            row if isinstance(row, dict) else dict(zip(data.columns, row, strict=True)) for row in _few(value, most)
        ]
    except (TypeError, KeyError, ValueError) as error:
        raise Refused(400, "shape", f"{shape} does not have MLflow's format: {str(error)[:200]}.") from None


def _few(rows: Any, most: int) -> Any:
    """The rows; raises Refused before creating them if there are too many."""
    if isinstance(rows, Sized) and len(rows) > most:
        raise Refused(
            422, "contract", f"The body holds {counted(len(rows), 'row')}; a request may have at most {most:,}."
        )
    return rows


def _csv(content: bytes, data: Data, most: int) -> list[dict[str, Any]]:
    try:
        table = csv.DictReader(
            io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True, restkey="", restval=""
        )
        rows = list(islice(table, most + 1))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused(400, "csv", f"The body is not CSV in UTF-8: {error}.") from None
    return [{k: _cell(v, k, data) for k, v in row.items()} for row in _few(rows, most)]


def _cell(text: Any, name: str, data: Data) -> Any:
    """A cell, converted as in training; the contract's check reports an invalid word."""
    column = data.columns.get(name)
    if isinstance(column, Number) and isinstance(text, str):
        return words.cell(text, column)
    return text or None
