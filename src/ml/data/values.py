"""Columns of a table in the types of the contract, with conversions and unreadable values."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ml.data import times, words
from ml.data.cells import Column, Typed, Wrong, as_strings, changes, missing, nested, some, unreadable
from ml.data.number_columns import number
from ml.data.numerals import Writing
from ml.settings.data import LONGEST, Category, Data, Number

NESTED = "lists, bytes or other nested values; make a column of text or numbers for each part that you need"
# Words that `words.key` may change: everything except plain ASCII words.
CHANGED = rf"[^!-~]|\.0+$|^(?:{'|'.join(words.TRUTHS)})?$"
CUT = "\x00"  # pandas compares objects of text up to this character alone
EXACT = 2**53  # a float holds the whole numbers below


def typed(frame: pd.DataFrame, data: Data, names: list[str], written: Mapping[str, Writing] | None = None) -> Typed:
    """These columns of a table: ids and labels as text, numbers float64, levels as the contract spells them, times UTC.

    The result has the index of `frame`. Levels are objects, None where missing. `written` has the format of columns of
    numbers if `frame` is a part of a table; otherwise the column itself determines it.
    """
    how = {name: None if written is None else written.get(name, Writing()) for name in names}
    found = {name: _column(frame[name], name, data, how[name]) for name in names}
    return Typed(
        pd.DataFrame({name: column.cells for name, column in found.items()}, copy=False),
        [Wrong(n, why, rows) for n, column in found.items() for why, rows in column.wrong.items()],
        [(name, change) for name, column in found.items() for change in column.changes],
    )


def category(raw: pd.Series, column: Category | None = None) -> Column:
    """Levels with the contract's spelling, as text; only empty cells are missing."""
    if nested(raw):
        return unreadable(raw, NESTED, "object")
    text = as_strings(raw)
    if column is None and _as_they_are(text):
        return Column(text.astype(object).where(text.notna(), None))
    known = words.spelling(column) if column else {}
    codes, uniques = pd.factorize(text)
    given = uniques.tolist()
    if any(CUT in word for word in given):
        cut = pd.Series(np.array([*(CUT in word for word in given), False])[codes], index=raw.index)
        rest = category(raw.mask(cut), column)
        return Column(rest.cells, {"text with a NUL character": cut}, rest.changes)
    spelled = [(word, words.key(word)) for word in given]
    found = [known.get(word) or known.get(key) or key or None for word, key in spelled]
    values = pd.Series(np.array([*found, None], dtype=object)[codes], index=raw.index, dtype=object)
    spaced = [word != word.strip() and word not in known for word in given]
    if not any(spaced):
        return Column(values)
    stripped = pd.Series(np.array([*spaced, False])[codes], index=raw.index)
    told = changes(
        raw, {"are stripped of spaces": stripped & values.notna(), "are read as missing": stripped & values.isna()}
    )
    return Column(values, {}, told)


def _as_they_are(text: pd.Series) -> bool:
    """Whether `words.key` cannot change any of these words, and none is empty."""
    return not text.str.contains(CHANGED).any()


def identity(raw: pd.Series, *, sent: bool = False) -> Column:
    """Ids as text: 1, 1.0 and "1" are equal, "007" is different; ids that are `sent` have a maximum length."""
    if nested(raw):
        return unreadable(raw, NESTED, "object")
    found = category(raw)
    wrong = {}
    if pd.api.types.is_float_dtype(raw.dtype):
        vague = raw.abs().ge(EXACT).fillna(value=False).astype(bool)
        wrong["decimals too large to be exact; write ids as whole numbers or text"] = vague
    if sent:
        wrong[words.TOO_LONG] = found.cells.str.len().gt(LONGEST)
    return Column(found.cells, found.wrong | some(wrong), found.changes)


def moment(raw: pd.Series, stated: str | None) -> Column:
    """Times as datetime64[us] in UTC, without a zone."""
    if nested(raw) or pd.api.types.is_bool_dtype(raw.dtype):
        return unreadable(raw, times.LIKE, "datetime64[us]")
    found = times.parse(raw, stated)
    absent = missing(raw)
    told = changes(raw, {"are read as missing": absent & raw.notna()})
    if found.naive is not None:
        told += changes(raw, {"have no zone and are read as UTC": found.naive})
    return Column(found.cells, some({found.why: raw.notna() & ~absent & found.cells.isna()}), told)


def _column(raw: pd.Series, name: str, data: Data, written: Writing | None) -> Column:
    if name == data.time:
        return moment(raw, data.time_format)
    match data.columns.get(name):
        case Number() as column:
            return number(raw, column, written)
        case Category() as column:
            return category(raw, column)
    if name == data.target.name and data.target.numeric:
        found = number(raw, Number(type="number"), written)
        return Column(
            as_strings(found.cells).astype(object).where(found.cells.notna(), None), found.wrong, found.changes
        )
    if name == data.weight:
        return number(raw, Number(type="number"))
    return identity(raw, sent=name == data.id) if name in {data.id, data.group} else category(raw)
