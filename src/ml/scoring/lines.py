"""Many rows as JSON, column by column, at a fifth of the cost of one dict per row."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import to_json

TEXT = pa.large_string()
SPACE, QUOTE, BACKSLASH = b' "\\'  # JSON escapes the last two, and what lies below the first
SOME = 100  # values that show whether a column repeats them


Columns = Mapping[str, "np.ndarray | Columns"]
Piece = str | pa.Array  # of each row the same text, or its own


def rows_as_json(columns: Columns, rows: int) -> list[bytes]:
    """Objects with these keys, `rows` at a time, separated by commas; null for a missing value.

    Columns hold float64, bool, objects that are text or None, or are columns of a nested object; all have the same
    length.
    """
    array = _joined([*_object(columns), ","])
    _, offsets, text = array.buffers()
    ends = np.frombuffer(offsets, "int64")[: len(array) + 1].tolist()
    starts = range(0, len(array), rows)
    return [text[ends[start] : ends[min(start + rows, len(array))] - 1].to_pybytes() for start in starts]


def _object(columns: Columns) -> Iterator[Piece]:
    """Each row as a JSON object, in pieces."""
    for place, (name, values) in enumerate(columns.items()):
        key = f"{',' if place else '{'}{_json(name)}:"
        if isinstance(values, Mapping):
            yield key
            yield from _object(values)
        elif values.dtype == object:
            yield from _texts(key, values)
        else:
            yield from (key, pc.cast(pa.array(values, from_pandas=True), TEXT))
    yield "}"


def _texts(key: str, values: np.ndarray) -> list[Piece]:
    """A key and each value as JSON; each of few values is converted once."""
    text = pa.array(values, type=TEXT, from_pandas=True)
    if len({*values[:SOME]}) > SOME // 2 and not text.null_count and not _escaped(text):
        return [f'{key}"', text, '"']
    known = text.dictionary_encode(null_encoding="encode")
    return [pa.array([key + _json(value) for value in known.dictionary.to_pylist()], TEXT).take(known.indices)]


def _escaped(text: pa.Array) -> bool:
    """Whether JSON escapes some characters of this text."""
    found = np.frombuffer(text.buffers()[2], "uint8")
    return bool(((found < SPACE) | (found == QUOTE) | (found == BACKSLASH)).any())


def _joined(pieces: list[Piece]) -> pa.Array:
    merged: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    given = [pa.scalar(piece, TEXT) if isinstance(piece, str) else piece for piece in [*merged, ""]]
    return pc.call_function("binary_join_element_wise", given, pc.JoinOptions("replace", "null"))


def _json(value: str | None) -> str:
    return to_json(value).decode()
