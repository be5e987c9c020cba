"""Many rows as JSON, column by column, at a third of the cost of one dict per row."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import to_json

TEXT = pa.large_string()
ESCAPED = r'["\\\x00-\x1f]'  # characters that JSON escapes


Columns = Mapping[str, "np.ndarray | Columns"]


def rows_as_json(columns: Columns, rows: int) -> list[bytes]:
    """Objects with these keys, `rows` at a time, separated by commas; null for a missing value.

    Columns hold float64, bool, objects that are text or None, or are columns of a nested object; all have the same
    length.
    """
    texts = _objects(columns).to_pylist()
    return [",".join(texts[start : start + rows]).encode() for start in range(0, len(texts), rows)]


def _objects(columns: Columns) -> pa.Array:
    """Each row as a JSON object."""
    pieces: list[pa.Array | pa.Scalar] = []
    for place, (name, values) in enumerate(columns.items()):
        cells = _cells(values) if isinstance(values, np.ndarray) else _objects(values)
        pieces += [_text(f"{',' if place else '{'}{to_json(name).decode()}:"), cells]
    return _joined(*pieces, _text("}"))


def _cells(values: np.ndarray) -> pa.Array:
    """Each value as JSON, null if it is missing."""
    if values.dtype != object:
        return pc.cast(pa.array(values, from_pandas=True), TEXT)
    text = pa.array(values, type=TEXT, from_pandas=True)
    if not pc.call_function("match_substring_regex", [text], pc.MatchSubstringOptions(ESCAPED)).true_count:
        return _joined(_text('"'), text, _text('"'), missing="emit_null")
    known = text.dictionary_encode()
    said = pa.array([to_json(value).decode() for value in known.dictionary.to_pylist()], TEXT)
    return said.take(known.indices)


def _joined(*pieces: pa.Array | pa.Scalar, missing: Literal["replace", "emit_null"] = "replace") -> pa.Array:
    given = [*pieces, _text("")]
    return pc.call_function("binary_join_element_wise", given, pc.JoinOptions(missing, "null"))


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, TEXT)
