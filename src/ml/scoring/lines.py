"""Many rows as JSON at once, column by column: a third of what a dict for each row costs."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import to_json

TEXT = pa.large_string()
ESCAPED = r'["\\\x00-\x1f]'  # what JSON does not write as it is


Columns = Mapping[str, "np.ndarray | Columns"]


def rows_as_json(columns: Columns, rows: int) -> list[bytes]:
    """Objects with these keys, `rows` of them at a time and a comma between two; null where a value is missing.

    Columns hold float64, bool, or objects that are text or None, or are columns of an object within; all have the same
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
    """Each value as JSON, null where it is missing."""
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
