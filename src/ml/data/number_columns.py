"""Columns of numbers: cells that are numbers, or text in any usual format."""

import numpy as np
import pandas as pd

from ml.data import numerals, words
from ml.data.cells import Column, as_strings, changes, matches, missing, nested, some, unreadable
from ml.data.numerals import Writing
from ml.settings.data import Number

AMBIGUOUS = "not a number: "  # starts the reason why a word that is clearly a number is not read
ENDLESS = f"infinite, or larger than {words.LARGEST:g}"
COMMAS = "are read with a decimal comma"
EITHER = "have three digits after a point, which is read as a decimal point: if it separates thousands, remove it"


def number(raw: pd.Series, column: Number, written: Writing | None = None) -> Column:
    """Numbers as float64; words for missing are missing; true and false are 1 and 0 if the limits are 0 and 1."""
    found = _number(raw, column, written)
    if not column.whole:
        return found
    broken = found.cells.notna() & (found.cells % 1 != 0)
    return Column(found.cells.mask(broken), found.wrong | some({"not a whole number": broken}), found.changes)


def _number(raw: pd.Series, column: Number, written: Writing | None) -> Column:
    if nested(raw) or pd.api.types.is_datetime64_any_dtype(raw):
        return unreadable(raw, "not a number")
    if pd.api.types.is_bool_dtype(raw.dtype) and not words.flag(column):
        return unreadable(raw, "not a number")
    if pd.api.types.is_numeric_dtype(raw.dtype):
        return _finite(raw.astype("float64"))
    return _number_of_text(raw, column, written)


def _number_of_text(raw: pd.Series, column: Number, stated: Writing | None) -> Column:
    text = as_strings(raw).str.strip()
    absent = missing(raw, text)
    points, truths = matches(text, words.NUMBER), text.isin(words.TRUTHS)
    odd = text[~points & ~absent & ~truths].map(numerals.bare, na_action="ignore").dropna()
    how = writing(text) if stated is None else stated
    plain, told = text.where(points), {"are read as missing": absent & raw.notna()}
    if len(odd) or how.commas:
        rows = _rewritten(text, points, odd, how)
        plain = plain.where(rows.isna(), rows)
        told |= _how_written(text, odd, rows.notna(), how)
    if not any(how):
        bare = text.where(points)
        bare[odd.index] = odd.map(lambda one: one.digits).astype("str")
        told[EITHER] = matches(bare, numerals.EITHER["."].pattern)
    values = _floats(plain)
    infinite = matches(text, words.INFINITE)
    values = values.mask(infinite, np.inf)
    if words.flag(column) and truths.any():
        values = values.mask(truths, text.map(words.TRUTHS).eq("True").astype("float64"))
        points |= truths
    found = _finite(values)
    no_number = raw.notna() & ~(absent | points | plain.notna() | infinite)
    return Column(found.cells, some(_unread(text, no_number, odd) | found.wrong), changes(raw, told))


def _unread(text: pd.Series, no_number: pd.Series, odd: pd.Series) -> dict[str, pd.Series]:
    """The rows that are not read as numbers, by reason: no numbers, with two readings, or unlike other rows."""
    digits = pd.Series("", index=text.index)
    digits[odd.index] = odd.map(lambda one: one.digits)
    comma = no_number & matches(digits, numerals.COMMA.pattern)
    two = comma & matches(digits, numerals.EITHER[","].pattern)
    why = {"not a number": no_number & ~comma}
    if two.any():
        given = text[two].iloc[0]
        readings = f"{given.replace(',', '')} or {given.replace(',', '.')}"
        why[f"{AMBIGUOUS}{given!r} may be {readings}; write it without the comma"] = two
    if (unlike := comma & ~two).any():
        given = text[unlike].iloc[0]
        why[f"{AMBIGUOUS}{given!r} has a decimal comma and other rows a decimal point; write all in one way"] = unlike
    return why


def _rewritten(text: pd.Series, points: pd.Series, odd: pd.Series, how: Writing) -> pd.Series:
    """The numbers in unusual formats, as Python writes them; missing elsewhere."""
    found = pd.Series(None, index=text.index, dtype="str")
    found[odd.index] = odd.map(lambda one: numerals.read(one.digits, how)).astype("str")
    if how.commas:
        thousands = points & matches(text, numerals.EITHER["."].pattern)
        found[thousands] = text[thousands].str.replace(".", "", regex=False)
    return found


def _how_written(text: pd.Series, odd: pd.Series, read: pd.Series, how: Writing) -> dict[str, pd.Series]:
    """The rows that were read, by number format."""
    said, none = {}, pd.Series(data=False, index=text.index)
    digits = odd.map(lambda one: one.digits).astype("str")
    groups = digits.str.fullmatch(numerals.THOUSANDS[","].pattern) | (
        digits.str.fullmatch(numerals.EITHER[","].pattern) & how.points
    )
    comma = digits.str.contains(",", regex=False)
    kinds = {COMMAS: comma & ~groups, "are read without commas between thousands": groups}
    kinds |= {"are read without spaces between thousands": odd.map(lambda one: one.spaced).astype(bool)}
    kinds |= {"are read as digits from 0 to 9": odd.map(lambda one: one.script).astype(bool)}
    marks = odd.map(lambda one: one.mark)
    kinds |= {f"are read without {mark}": marks == mark for mark in sorted({*marks} - {""})}
    for what, rows in kinds.items():
        said[what] = none.copy()
        said[what][odd.index] = rows.to_numpy()
        said[what] &= read
    plain = read & ~text.index.isin(odd.index)
    dotted = digits.str.fullmatch(numerals.THOUSANDS["."].pattern)
    plain[odd.index[dotted.to_numpy(dtype=bool)]] = True
    return said | {"are read without points between thousands": plain & read}


def writing(text: pd.Series) -> Writing:
    """The number format of a column of stripped text, as far as some of its rows determine it."""
    points = matches(text, words.NUMBER)
    decimal = (points & text.str.contains(".", regex=False).fillna(value=False)).astype(bool)
    surely = bool((decimal & ~matches(text, numerals.EITHER["."].pattern)).any())
    odd = text[~points].dropna().drop_duplicates()
    bare = (found.digits for found in map(numerals.bare, odd) if found)
    return numerals.writing(bare).plus(Writing(decimal_points=surely))


def _finite(values: pd.Series) -> Column:
    infinite = values.abs() > words.LARGEST
    clean = values.mask(infinite)
    return Column(clean, some({ENDLESS: infinite}))


def _floats(text: pd.Series) -> pd.Series:
    """Text that matches NUMBER as float64, exactly as Python reads it."""
    import pyarrow as pa  # noqa: PLC0415 - an image lacks it, and reads no tables of text
    from pyarrow import compute  # noqa: PLC0415

    array = pa.array(text.str.removeprefix("+"), type=pa.large_string(), from_pandas=True)
    return pd.Series(
        compute.cast(array, pa.float64()).to_numpy(zero_copy_only=False), index=text.index, dtype="float64"
    )
