"""Check of the operators of an ONNX model, read from its bytes, because the serving image has no `onnx`.

Source: onnx.proto (fields of ModelProto, GraphProto, NodeProto, TensorProto) and the wire format of protocol buffers.
"""

from collections.abc import Iterator

KNOWN = frozenset(
    {
        *("TreeEnsemble", "TreeEnsembleRegressor", "TreeEnsembleClassifier"),
        *("Cast", "Gather", "Identity", "ReduceSum", "Sigmoid"),
    }
)
GRAPH, FUNCTIONS = 7, 25  # of a model
NODE, INITIALIZER, SPARSE = 1, 5, 15  # of a graph
TYPE = 4  # of a node
EXTERNAL = 13  # of a tensor: the location of an external file
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types


def check(content: bytes) -> None:
    """Raise ValueError for a model with a part that the compiled form never has.

    The size of trees bounds their time and memory; loops, `Expand` and external files have no such bound.
    """
    for field, model in _fields(content):
        if field == FUNCTIONS:
            raise ValueError("it defines functions of its own")
        if field == GRAPH:
            _graph(model)


def _graph(content: bytes) -> None:
    for field, part in _fields(content):
        if field == SPARSE or (field == INITIALIZER and EXTERNAL in {number for number, _ in _fields(part)}):
            raise ValueError("it has constants that are not stored in the file itself")
        if field == NODE:
            named = [value.decode() for number, value in _fields(part) if number == TYPE]
            if unknown := {*named} - KNOWN:
                raise ValueError(f"it has the operator {', '.join(sorted(unknown))[:100]}, which our models do not use")


def _fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and the content of each length-delimited field of a message."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        kind, size = key & 7, 0
        if kind == VARINT:
            _, place = _varint(content, place)
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
