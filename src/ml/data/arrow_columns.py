"""Columns of Arrow as pandas series: exact integers, decimals and durations as floats, text as text."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

INTS = ("Int8", "Int16", "Int32", "Int64")
SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
NULLABLE = {
    pa.bool_(): pd.BooleanDtype(),
    **{pa.type_for_alias(n.lower()): getattr(pd, f"{n}Dtype")() for n in (*INTS, *(f"U{n}" for n in INTS))},
}


def holds_text(kind: pa.DataType) -> bool:
    """Whether a type of Arrow is text, or a dictionary of text."""
    if pa.types.is_dictionary(kind):
        return holds_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def series(column: pa.ChunkedArray) -> pd.Series:
    """A column as a pandas series: exact integers; decimals and durations (in seconds) as floats."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return series(column.cast(kind.storage_type))
    if pa.types.is_dictionary(kind):
        return series(column.cast(kind.value_type))
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
