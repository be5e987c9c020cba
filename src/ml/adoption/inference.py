"""The inferred types of a table without a contract."""

import re
from dataclasses import dataclass

import pandas as pd

from ml.data import cells, number_columns, numerals, times, values, words
from ml.data.number_columns import AMBIGUOUS, COMMAS, EITHER
from ml.io.errors import UserError
from ml.settings.data import Number

ANY = Number(type="number")
MARKS = re.compile(rf"are read without ({numerals.MARK}|%)", re.IGNORECASE)
SEVERAL = 20  # different numbers, which are hardly names of levels
WHOLE = r"[+-]?[0-9]{1,18}"  # an int64
LONG = r"[+-]?[0-9]{19,}"  # more digits than a number can store: an id
RECENT = range(1990, 2100)
ZERO, DIGIT = "[0\uff10\u0660\u06f0]", "[0-9\uff10-\uff19\u0660-\u0669\u06f0-\u06f9]"  # of several scripts
CODE = f"{ZERO}{DIGIT}+"  # a post code or a key: as a number it would lose its zeros


@dataclass(frozen=True)
class Inferred:
    """A table with inferred types, the conversions, and the reasons why columns cannot be features."""

    frame: pd.DataFrame
    notes: list[str]
    left: list[str]


def typed(frame: pd.DataFrame, *plain: str) -> Inferred:
    """Text with numbers and words for missing values as numbers, true and false as bool, all other text as levels.

    The `plain` columns (target, id, time and free texts) stay text. Raises UserError with every infinite value.
    """
    columns, told, left, endless = {}, [], [], []
    for name in frame:
        raw = frame[name]
        if cells.nested(raw) and name not in plain:
            left.append(f"{name}: holds {values.NESTED}")
            continue
        found = values.category(raw) if name in plain and not _moments(raw) else column(raw)
        if ambiguous(found):
            why, rows = next(iter(found.wrong.items()))
            left.append(f"{name}: {cells.Wrong(name, why, rows).sentence(raw)}")
            continue
        columns[name] = found.cells
        told += [(name, change) for change in found.changes]
        endless += [f"{name}: {cells.Wrong(name, why, rows).sentence(raw)}" for why, rows in found.wrong.items()]
    endless += _thousands(told)
    if endless:
        raise UserError(
            "the table cannot be adopted:\n  " + "\n  ".join(endless) + "\nFix the rows, or drop the column."
        )
    notes = [f"{name}: {change}" for name, change in told] + _several_marks(told)
    return Inferred(pd.DataFrame(columns, copy=False), notes, left)


def ambiguous(found: cells.Column) -> bool:
    """Whether a column holds only numbers, some of which have two readings."""
    return bool(found.wrong) and all(why.startswith(AMBIGUOUS) for why in found.wrong)


def _thousands(told: list[tuple[str, cells.Change]]) -> list[str]:
    """A sentence for each column whose 1.000 may be 1 or 1,000, because another column has decimal commas."""
    if not any(change.what == COMMAS for _, change in told):
        return []
    ways = [(name, change.example, change.example.strip("'")) for name, change in told if change.what == EITHER]
    return [
        f"{name}: {example} may be a number with thousands ({text.replace('.', '')}) or with decimals, because other "
        f"columns have decimal commas; write it as {text.replace('.', '')} or {text.replace('.', ',')}"
        for name, example, text in ways
    ]


def _several_marks(told: list[tuple[str, cells.Change]]) -> list[str]:
    """A warning for each column whose numbers have several signs of currency or percent."""
    marks: dict[str, list[str]] = {}
    for name, change in told:
        if found := MARKS.fullmatch(change.what):
            marks.setdefault(name, []).append(found[1])
    return [
        f"warning: {name}: values with {' and with '.join(own)} are read as numbers of one unit. Convert them"
        for name, own in marks.items()
        if len({mark.upper() for mark in own}) > 1
    ]


def column(raw: pd.Series) -> cells.Column:
    """A column in the common type of all values that are not missing."""
    if _moments(raw):
        return values.moment(raw, None)
    if pd.api.types.is_bool_dtype(raw.dtype):
        return cells.Column(raw)
    if pd.api.types.is_numeric_dtype(raw.dtype):
        found = number_columns.number(raw, ANY)
        return cells.Column(raw if pd.api.types.is_integer_dtype(raw.dtype) else found.cells, found.wrong)
    return _text(raw)


def _text(raw: pd.Series) -> cells.Column:
    """Text as numbers, truths or levels; unchanged, with the reasons, if numbers have two readings."""
    found = number_columns.number(raw, ANY)
    if ambiguous(found):
        return found
    text = cells.as_strings(raw).str.strip()
    numeric = {*found.wrong} <= {number_columns.ENDLESS} and (found.cells.notna().any() or found.wrong)
    if numeric and found.changes:  # fewer limits of detection than numbers
        bounded = text.str.match(numerals.BOUND).fillna(value=False).sum()
        numeric = not bounded or 2 * bounded < found.cells.notna().sum()
    if not numeric or any((text.str.fullmatch(kind) == True).any() for kind in (CODE, LONG)):  # noqa: E712  (or missing)
        return _levels(raw, text, found.cells.notna())
    if text.dropna().isin([*words.TRUTHS, ""]).all():
        return cells.Column(text.map(words.TRUTHS).map({"True": True, "False": False}).astype("boolean"))
    digits = text.where(found.cells.notna()).dropna()
    whole = digits.str.fullmatch(WHOLE).all() and not found.wrong
    exact = text.where(found.cells.notna()).str.removeprefix("+").astype("Int64") if whole else found.cells
    return cells.Column(exact, found.wrong, found.changes)


def time_format(raw: pd.Series, given: str) -> dict[str, str]:
    """The setting for a column of times: none for ISO 8601, otherwise the given format or the only one that fits.

    Raises UserError if the times cannot be read, or have two readings.
    """
    found = values.moment(raw, given or None)
    wrong = [cells.Wrong(str(raw.name), why, rows) for why, rows in found.wrong.items()]
    if not wrong:
        return {"time_format": given} if given else {}
    fitting = times.readings(raw) if not given else {}
    recent = {format_: first for format_, first in fitting.items() if first.year in RECENT}
    fitting = recent or fitting  # seconds, not the milliseconds of January 1970
    if len(fitting) == 1:
        return {"time_format": next(iter(fitting))}
    if fitting and not recent and (day := times.excel(raw)):
        raise UserError(
            f"{raw.name} cannot be the time: {wrong[0].sentence(raw)}. Its numbers may be days of Excel, the first of "
            f"them {day}: then format the column as a date (yyyy-mm-dd) and export the table again."
        )
    raise UserError(
        f"{raw.name} cannot be the time: {wrong[0].sentence(raw)}. Give its format, e.g. "
        f"TIME_FORMAT={next(iter(fitting), '%d/%m/%Y')}, or write ISO 8601."
    )


def _levels(raw: pd.Series, text: pd.Series, numbers: pd.Series) -> cells.Column:
    found = values.category(raw)
    odd = text.notna() & text.str.lower().isin(words.MISSING)
    others = text.notna() & ~numbers & ~odd & (text != "")
    if text[numbers].nunique() > SEVERAL and others.sum() < numbers.sum() and not text.str.fullmatch(CODE).any():
        why = "are text, so all numbers of the column are levels; replace them to get a column of numbers"
        return cells.Column(found.cells, found.wrong, found.changes + cells.changes(raw, {why: others}))
    changes = cells.changes(raw, {"remain a level: in a category only an empty cell is missing": odd})
    return cells.Column(found.cells, found.wrong, found.changes + changes)


def _moments(raw: pd.Series) -> bool:
    return pd.api.types.is_datetime64_any_dtype(raw.dtype)
