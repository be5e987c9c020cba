"""The interpretation of single words, equal in tables, requests and the prediction log."""

import re
from typing import Any

from ml.data import numerals
from ml.data.numerals import NUMBER
from ml.settings.data import LONGEST, Category, Number, Usual, as_text

LARGEST = 3.0e38  # a float32, the widest that trees take: beyond it a number counts as infinite
TOO_LONG = f"longer than {LONGEST} characters"
OTHERS = " others"  # all such levels as one: no other level begins with a space
MISSING = frozenset(
    {"?", "-", "--", ".", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "nil", "#null!"}
    | {"#div/0!", "#value!", "#ref!", "#name?", "#num!"}  # errors of Excel
)  # in a column of numbers or times, in any case; in a column of levels only the empty cell is missing
INFINITE = r"(?i)[+-]?inf(inity)?"
WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")
TRUTHS = {"true": "True", "True": "True", "TRUE": "True", "false": "False", "False": "False", "FALSE": "False"}


def key(value: Any) -> str:
    """The normal form of an id, level or label: no surrounding spaces, 1 for 1.0, True for true."""
    text = as_text(value).strip()
    if text in TRUTHS:
        return TRUTHS[text]
    whole = WHOLE.fullmatch(text) if text.endswith("0") else None
    return whole[1] if whole else text


def text(value: Any) -> str | None:
    """An id or a label as text, None where it is missing."""
    try:
        missing = value is None or bool(value != value)  # noqa: PLR0124 - NaN, of any type
    except TypeError:  # pandas' NA
        missing = True
    return None if missing else key(value)


def spelling(column: Category) -> dict[str, str]:
    """The contract's level for each spelling: exactly as it is, or as `key` converts it."""
    return {key(level): level for level in reversed(column.values)} | {level: level for level in column.values}


def flag(column: Number) -> bool:
    """Whether true and false are 1 and 0 in this column: its limits are 0 and 1, or absent."""
    return span(column) in {(0, 1), (None, None)}


def span(column: Number) -> tuple[float | None, float | None]:
    """The expected range of values: within the limits, and within the usual range if there is no limit."""
    usual = column.usual or Usual()
    low = usual.min if column.min is None else column.min
    return low, usual.max if column.max is None else column.max


def cell(word: str, column: Number) -> Any:
    """The number of a word, None if it means missing; any other word unchanged."""
    stripped = word.strip()
    if not stripped or stripped.lower() in MISSING:
        return None
    if re.fullmatch(NUMBER, stripped):
        return float(stripped)
    if stripped in TRUTHS and flag(column):
        return TRUTHS[stripped] == "True"
    found = numerals.alone(stripped)
    return word if found is None else found
