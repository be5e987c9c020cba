"""Check of the operators of an ONNX model, read from its bytes, because the serving image has no `onnx`.

Source: onnx.proto (fields of ModelProto, GraphProto, NodeProto, TensorProto) and the wire format of protocol buffers.
"""

import math
from collections.abc import Iterator

KNOWN = frozenset(
    {
        *("TreeEnsemble", "TreeEnsembleRegressor", "TreeEnsembleClassifier"),
        *("Cast", "Gather", "Identity", "ReduceSum", "Sigmoid"),
    }
)
GRAPH, FUNCTIONS = 7, 25  # of a model
NODE, INITIALIZER, SPARSE = 1, 5, 15  # of a graph
TYPE, ATTRIBUTE = 4, 5  # of a node
WHOLE = 3  # of an attribute: its value, if that is an integer
DIMENSIONS, EXTERNAL = 1, 13  # of a tensor: its shape, and the location of an external file
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
MOST = 1_000_000  # numbers that one row may become: outputs of the trees, times the width of the table of their leaves


def check(content: bytes) -> None:
    """Raise ValueError for a model with a part that the compiled form never has.

    The size of trees then bounds their time and memory; loops, `Expand`, external files, many outputs and several
    tables have no such bound.
    """
    for field, model in _parts(content):
        if field == FUNCTIONS:
            raise ValueError("it defines functions of its own")
        if field == GRAPH:
            _graph(model)


def _graph(content: bytes) -> None:
    outputs, width, tables = 1, 1, 0
    for field, part in _parts(content):
        if field == SPARSE or (field == INITIALIZER and EXTERNAL in {number for number, _ in _parts(part)}):
            raise ValueError("it has constants that are not stored in the file itself")
        if field == INITIALIZER:
            width = max(width, math.prod(_whole(part, DIMENSIONS)[1:]))
        if field == NODE:
            named = [value.decode() for number, value in _parts(part) if number == TYPE]
            if unknown := {*named} - KNOWN:
                raise ValueError(f"it has the operator {', '.join(sorted(unknown))[:100]}, which our models do not use")
            tables += "Gather" in named
            outputs = max(outputs, *_values(part, b"n_targets"), 1)
            if "Gather" in named and any(_values(part, b"axis")):
                raise ValueError("it takes columns of a table, which our models do not do")
    if tables > 1 or outputs * width > MOST:
        raise ValueError(f"one row becomes more than {MOST:,} numbers")


def _values(node: bytes, name: bytes) -> list[int]:
    """The integers of a node's attribute; a negative one is above 2^63."""
    found = [value for number, value in _parts(node) if number == ATTRIBUTE and name in value]
    return [whole for attribute in found for whole in _whole(attribute, WHOLE)]


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and the content of each length-delimited field of a message."""
    for number, value in _fields(content):
        if isinstance(value, bytes):
            yield number, value


def _whole(content: bytes, number: int) -> list[int]:
    """The integers of a field of a message, each of its own or packed together."""
    found: list[int] = []
    for field, value in _fields(content):
        if field == number and isinstance(value, int):
            found.append(value)
        elif field == number and isinstance(value, bytes):
            place = 0
            while place < len(value):
                one, place = _varint(value, place)
                found.append(one)
    return found


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The number and the value of each field of a message, except for fractions."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        kind, size = key & 7, 0
        if kind == VARINT:
            value, place = _varint(content, place)
            yield key >> 3, value
        elif kind == BYTES:
            size, place = _varint(content, place)
            yield key >> 3, content[place : place + size]
        elif kind in {FIXED64, FIXED32}:
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError("it is not an ONNX model")
        place += size
    if place > len(content):
        raise ValueError("it is cut off")


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(content):
        byte = content[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:  # noqa: PLR2004 - the last byte of a number has no eighth bit
            return value, place
    raise ValueError("it is cut off")
