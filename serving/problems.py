"""The errors of a request as messages: row, column, value and allowed values."""

from typing import Any

from pydantic import ValidationError
from typing_extensions import TypedDict  # pydantic needs this one below Python 3.12

from ml.data.words import LARGEST, flag
from ml.io.text import counted
from ml.settings.data import LONGEST, Category, Data, Number

SHOWN_PROBLEMS = 20
SHOWN_CHARACTERS = 100
BELOW_UNION = ("rows", "the position of a row", "a column")  # errors of an id name one of its BRANCHES after these
BRANCHES = 3
NO_ID = "Input is not an id"
ID_ALLOWED = f"text of 1 to {LONGEST} characters, or a whole number below 2^53 (larger ones as text)"


class Problem(TypedDict):
    """An error in a request; `row` and `column` are null if it does not concern a single value."""

    row: int | None
    column: str | None
    value: Any
    allowed: str | None
    loc: list[int | str]
    msg: str
    type: str


def problems(error: ValidationError, data: Data, first: int | None = None) -> list[Problem]:
    """The first errors of a request, each with its row, column, value and allowed values.

    If only some rows were checked, `first` is the position of the first of them.
    """
    found = error.errors(include_url=False)[: BRANCHES * SHOWN_PROBLEMS]
    for e in found:
        if first is not None:
            e["loc"] = ("rows", *(int(n) + first if place == 0 else n for place, n in enumerate(e["loc"])))
        if len(e["loc"]) > len(BELOW_UNION):
            e |= {"loc": e["loc"][: len(BELOW_UNION)], "type": "id"}
        e["loc"] = tuple(_shown(part) for part in e["loc"])
    once = {(e["loc"], e["type"]): e for e in reversed(found)}  # an invalid id has one error as text and one as number
    return [_problem(e, data) for e in reversed(once.values())][:SHOWN_PROBLEMS]


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
    """The reason that a column is not allowed in a request."""
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
        rule = f"text of at most {counted(column.longest, 'character')}, such as" if column.others else "one of"
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
    """A value, escaped and shortened for a response."""
    if value is None or isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < LARGEST):
        return value
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
