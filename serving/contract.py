"""The data contract as the request model of the API, and its mistakes as messages."""

from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, Literal, NotRequired

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic needs this one below Python 3.12

from ml.data.words import LARGEST, LONGEST, flag, key, span, spelling
from ml.model.model_contract import Contract
from ml.settings.data import Category, Data, Number

SHOWN_PROBLEMS = 20
MOST_LABELS = 1000
SHOWN_CHARACTERS = 100
MADE: Any = TypedDict  # of fields that only the contract knows, so that no type checker follows them
LIST: Any = list
CHOICE: Any = Literal  # of words that only the contract knows
EXACT = 2**53  # JSON readers agree on the whole numbers below


def _whole(value: float) -> int:
    """JSON's 7.0 is the integer 7; `multiple_of` lets 2.6e-42 pass."""
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
BELOW_UNION = ("rows", "the position of a row", "a column")  # an id's mistakes name one of its BRANCHES after these
BRANCHES = 3
NO_ID = "Input is not an id"
ID_ALLOWED = f"text of 1 to {LONGEST} characters, or a whole number below 2^53 (larger ones as text)"


class Problem(TypedDict):
    """A mistake in a request; `row` and `column` are null if it does not concern a single value."""

    row: int | None
    column: str | None
    value: Any
    allowed: str | None
    loc: list[int | str]
    msg: str
    type: str


@dataclass(frozen=True)
class Body:
    """The validators of one contract; a valid row is a plain dict. `predict` stops at the first row that is wrong."""

    data: Data
    predict: Any
    adapter: TypeAdapter
    rows: TypeAdapter


def body(data: Data, max_rows: int, unknown: Literal["refuse", "ignore"]) -> Body:
    """The request model of a contract: `{"rows": [{column: value, …}, …]}`."""
    fields = {name: _field(column) for name, column in data.columns.items()}
    fields[data.id] = NotRequired[Annotated[Id | None, Field(description="Joins late labels to this prediction.")]]
    row: Any = MADE("Row", fields)
    row.__pydantic_config__ = ConfigDict(
        extra="forbid" if unknown == "refuse" else "ignore", strict=True, allow_inf_nan=False
    )
    rows: Any = Annotated[LIST[row], Field(min_length=1, max_length=max_rows)]
    first: Any = Annotated[LIST[row], Field(min_length=1, max_length=max_rows, fail_fast=True)]
    predict = MADE("Predict", {"rows": first})
    predict.__pydantic_config__ = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"rows": [example(data)]}]}
    )
    return Body(data, predict, TypeAdapter(predict), TypeAdapter(rows))


def example(data: Data) -> dict[str, Any]:
    """A valid row: the middle of each range, the first level."""
    return {data.id: "example-1"} | {name: _middle(column) for name, column in data.columns.items()}


def problems(error: ValidationError, data: Data, first: int | None = None) -> list[Problem]:
    """The first mistakes of a request, each with its row, column, value and what is allowed.

    Where only part of the rows was checked, `first` is the place of the first of them.
    """
    found = error.errors(include_url=False)[: BRANCHES * SHOWN_PROBLEMS]
    for e in found:
        if first is not None:
            e["loc"] = ("rows", *(int(n) + first if place == 0 else n for place, n in enumerate(e["loc"])))
        if len(e["loc"]) > len(BELOW_UNION):
            e |= {"loc": e["loc"][: len(BELOW_UNION)], "type": "id"}
        e["loc"] = tuple(_shown(part) for part in e["loc"])
    once = {(e["loc"], e["type"]): e for e in reversed(found)}  # text and number each say why an id is neither
    return [_problem(e, data) for e in reversed(once.values())][:SHOWN_PROBLEMS]


def feedback(model: Contract) -> Any:
    """The request model of late labels: `{"labels": [{"id": …, "label": …}, …]}`, in the words of the target."""
    if model.data.target.task == "multiclass":
        classes = model.data.target.classes
        return _labels(Annotated[CHOICE[classes], _speller_of_classes(classes)], classes[0])
    if model.data.target.task == "regression":
        return _labels(Annotated[float, Field(allow_inf_nan=False)], 1.5)
    yes, no = model.words()
    truths = "True" in {yes, no}
    words = [yes, no] if no else [yes]
    known = [True, False, *([] if truths else words)]

    def worded(value: Any) -> Any:
        """The target's own word; true and false, as `/predict` answers, are its positive and its negative one."""
        word = key(value) if isinstance(value, bool | str | int | float) else None
        if isinstance(value, bool) and not truths:
            word = yes if value else no
        if word in words:
            return word == "True" if truths else word
        if no is None and isinstance(value, bool | str | int):
            return value  # a model of an older release, which does not know its negative word
        allowed = ", ".join("true" if v is True else "false" if v is False else repr(v) for v in known)
        said = {"value": repr(value)[:SHOWN_CHARACTERS], "allowed": allowed}
        raise PydanticCustomError("label", "{value} is not a label of the target", said)

    schema = {"enum": known} if no else {"anyOf": [{"type": "boolean"}, {"type": "string"}, {"type": "integer"}]}
    return _labels(Annotated[Any, PlainValidator(worded), WithJsonSchema(schema)], True if truths else yes)


def _labels(kind: Any, example: Any) -> Any:
    """The request model of late labels of this type."""
    label: Any = MADE("Label", {"id": Id, "label": kind})
    label.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)
    labels: Any = Annotated[LIST[label], Field(min_length=1, max_length=MOST_LABELS)]
    many = MADE("Feedback", {"labels": labels})
    shown: Any = {"labels": [{"id": "example-1", "label": example}]}
    many.__pydantic_config__ = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [shown]})
    return many


def _speller_of_classes(classes: tuple[str, ...]) -> BeforeValidator:
    """Reads a class as training does: 1, 1.0 and "1" are one, without spaces around it."""
    known = {key(name): name for name in classes}
    return BeforeValidator(lambda v: known.get(key(v), v) if isinstance(v, bool | str | int | float) else v)


def _field(column: Number | Category) -> Any:
    if isinstance(column, Category):
        kind: Any = CHOICE[column.values]
        if column.others:
            kind = Annotated[
                str, Field(min_length=1, max_length=LONGEST, pattern=r"^[^\x00]*$", examples=[*column.values])
            ]
        allowed: Any = kind | None if column.missing else kind
        kind = Annotated[allowed, BeforeValidator(_speller(column))]
        return NotRequired[kind] if column.missing else kind
    low = -LARGEST if column.min is None else column.min
    high = LARGEST if column.max is None else column.max
    kind = Annotated[float, Field(ge=low, le=high)]
    if flag(column):
        kind = Annotated[kind, BeforeValidator(lambda v: float(v) if v is True or v is False else v)]
    if column.whole:
        ends = {"minimum": low, "maximum": high} if column.type == "integer" else {}
        kind = Annotated[kind, AfterValidator(_no_decimals), WithJsonSchema({"type": column.type} | ends)]
    return NotRequired[kind | None] if column.missing else kind


def _no_decimals(value: float) -> float:
    _whole(value)
    return value


def _speller(column: Category) -> Any:
    """What makes of a value the level that training makes of it: without spaces around it, 1 for 1.0; blank is None."""
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


def _middle(column: Number | Category) -> Any:
    if isinstance(column, Category):
        return column.values[0]
    if column.type == "boolean":
        return True
    low, high = span(column)
    if low is not None and high is not None:
        return (low + high) // 2 if column.whole else (low + high) / 2
    return next((v for v in (low, high) if v is not None), 0)


def _problem(error: Any, data: Data) -> Problem:
    location = list(error["loc"])
    of = location.pop(0) if location and isinstance(location[0], str) else "rows" if location else ""
    row, column = location[0] if location else None, str(location[1]) if len(location) > 1 else None
    known = data.columns.get(column or "") if of == "rows" else None
    allowed = _allowed(known) if known else None
    message = error["msg"]
    if error["type"] == "extra_forbidden" and column:
        names = [data.id, *data.columns] if of == "rows" else ["id", "label"]
        allowed, message = f"one of {', '.join(names)}", _not_sent(column, data)
    elif error["type"] == "id":
        message, allowed = NO_ID, ID_ALLOWED
    elif error["type"] == "label":
        allowed = error["ctx"]["allowed"]
    elif error["type"] == "missing" and column:
        message = "the column is missing"
    value = None if error["type"] in {"missing", "json_invalid"} else _shown(error["input"])
    where = ", ".join(filter(None, [f"{of.removesuffix('s')} {row}" if location else of, column]))
    text = f"{message}; allowed: {allowed}" if allowed else message
    return Problem(
        row=row, column=column, value=value, allowed=allowed, loc=["body", *error["loc"]],
        msg=f"{where}: {text}" if where else text, type=error["type"],
    )  # fmt: skip


def _not_sent(column: str, data: Data) -> str:
    """Why a request has no place for a column."""
    if column == data.time:
        return "the time column is not a feature: leave it out, the log records the time of the request"
    if column in {data.group, data.weight}:
        return "the group and the weight of a row are used only in training: leave them out"
    if column == data.target.name:
        return "the target is what the model predicts: leave it out"
    return "the contract has no such column"


def _allowed(column: Number | Category) -> str:
    also = ", or null" if column.missing else ""
    if isinstance(column, Category):
        known = ", ".join(column.values)
        rule = f"text of at most {LONGEST} characters, such as" if column.others else "one of"
        return f"{rule} {known}{also}"
    also = (", true or false" if flag(column) else "") + also
    match column.min, column.max:
        case None, None:
            return f"a number{also}"
        case low, None:
            return f"a number of at least {low:g}{also}"
        case None, high:
            return f"a number of at most {high:g}{also}"
        case low, high:
            return f"a number from {low:g} to {high:g}{also}"


def _shown(value: Any) -> Any:
    """A value that is safe and short in an answer."""
    if value is None or isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < LARGEST):
        return value
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
