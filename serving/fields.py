"""Fields of a request: a column of the contract, and the id of a row."""

from math import isfinite
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic needs this one below Python 3.12

from ml.data.words import LARGEST, cell, flag, key, span, spelling
from ml.settings.data import LONGEST, Category, Number

MADE: Any = TypedDict  # of fields that the contract defines at run time, so a type checker cannot know them
LIST: Any = list
CHOICE: Any = Literal  # of literals that the contract defines at run time
EXACT = 2**53  # all JSON parsers represent integers below this exactly


def _whole(value: float) -> int:
    """Convert 7.0 of JSON to the integer 7; `multiple_of` would accept 2.6e-42."""
    if not float(value).is_integer():
        raise PydanticCustomError("whole", "Input should be a whole number")
    return int(value)


Whole = Annotated[float, Field(gt=-EXACT, lt=EXACT, multiple_of=1), AfterValidator(_whole)]

Id = Annotated[
    Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
    | Annotated[int, Field(gt=-EXACT, lt=EXACT)]
    | Whole,
    Field(union_mode="left_to_right"),
]


def field(column: Number | Category, *, text: bool = True) -> Any:
    """The type of a column in a request, with its limits and levels; `text` reads numbers of text as training does."""
    if isinstance(column, Category):
        kind: Any = CHOICE[column.values]
        if column.others:
            kind = Annotated[
                str, Field(min_length=1, max_length=column.longest, pattern=r"^[^\x00]*$", examples=[*column.values])
            ]
        allowed: Any = kind | None if column.missing else kind
        kind = Annotated[allowed, BeforeValidator(_speller(column))]
        return NotRequired[kind] if column.missing else kind
    low = -LARGEST if column.min is None else column.min
    high = LARGEST if column.max is None else column.max
    kind = Annotated[float, Field(ge=low, le=high)]
    if column.whole:
        ends = {"minimum": low, "maximum": high} if column.type == "integer" else {}
        kind = Annotated[kind, AfterValidator(_no_decimals), WithJsonSchema({"type": column.type} | ends)]
    if column.missing:
        kind = kind | None
    if text:
        kind = Annotated[kind, BeforeValidator(lambda v: number(v, column))]
    elif flag(column):
        kind = Annotated[kind, BeforeValidator(_truth)]
    return NotRequired[kind] if column.missing else kind


def number(value: Any, column: Number) -> Any:
    """The number of a text or a truth, where training reads one in this column; any other value unchanged."""
    if isinstance(value, str):
        found = cell(value, column)
        value = value if found is None and not column.missing else found
    return _truth(value) if flag(column) else value


def _truth(value: Any) -> Any:
    return float(value) if value is True or value is False else value


def _no_decimals(value: float) -> float:
    _whole(value)
    return value


def _speller(column: Category) -> Any:
    """A function from a value to its level, as in training: stripped of spaces, 1 for 1.0, None for blank text."""
    known = spelling(column)

    def text(value: Any) -> Any:
        if not isinstance(value, bool | str | int | float) or (isinstance(value, float) and not isfinite(value)):
            return value
        return known.get(str(value)) or known.get(key(value)) or key(value) or None

    def spelled(value: Any) -> Any:
        if isinstance(value, str):
            return known.get(value) or known.get(key(value)) or (value if value.strip() else None)
        return known.get(key(value), value) if isinstance(value, int | float) else value

    return text if column.others else spelled


def middle(column: Number | Category) -> Any:
    """A valid value: the first level, or the middle of the range."""
    if isinstance(column, Category):
        return column.values[0]
    if column.type == "boolean":
        return True
    low, high = span(column)
    if low is not None and high is not None:
        return (low + high) // 2 if column.whole else (low + high) / 2
    return next((v for v in (low, high) if v is not None), 0)
