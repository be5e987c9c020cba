"""Columns of a table in the types of the contract, with conversions and unreadable values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml.data import numerals, times, words
from ml.data.numerals import Writing
from ml.io.text import counted
from ml.settings.data import Category, Data, Number, as_text

TWO_READINGS = r".*(?<![0-9,.])[1-9][0-9]{0,2}(,[0-9]{3})+(?![0-9,.]).*"
ENDLESS = f"infinite, or larger than {words.LARGEST:g}"
NESTED = "lists, bytes or other nested values; make a column of text or numbers for each part that you need"
# Words that `words.key` may change: everything except plain ASCII words.
CHANGED = rf"[^!-~]|\.0+$|^(?:{'|'.join(words.TRUTHS)})?$"
CUT = "\x00"  # pandas compares objects of text up to this character alone
EXACT = 2**53  # a float holds the whole numbers below


class Change(NamedTuple):
    """A conversion of some values of a column."""

    what: str
    count: int
    of: int
    example: str

    def __str__(self) -> str:
        return f"{self.count:,} of {counted(self.of, 'value')} {self.what}, e.g. {self.example}"

    def plus(self, later: "Change") -> "Change":
        """The same of these values and later ones."""
        return self._replace(count=self.count + later.count, of=self.of + later.of)


@dataclass(frozen=True)
class Column:
    """A column in its type, missing where a value is unreadable; `wrong` has the rows and reasons."""

    cells: pd.Series
    wrong: dict[str, pd.Series] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Wrong:
    """Rows of a column that cannot be read."""

    column: str
    why: str
    rows: pd.Series  # of bool

    def sentence(self, raw: pd.Series) -> str:
        """The number of rows, the reason, and the first value in the table."""
        first = int(self.rows.to_numpy().argmax())
        count, of = int(self.rows.sum()), len(self.rows)
        return f"{count:,} of {counted(of, 'row')} are {self.why}, e.g. {shown(raw.iloc[first])} at row {first + 1:,}"


@dataclass(frozen=True)
class Typed:
    """A table in the types of the contract."""

    frame: pd.DataFrame
    wrong: list[Wrong]
    told: list[tuple[str, Change]]

    @property
    def changes(self) -> list[str]:
        """A sentence for each change."""
        return [f"{name}: {change}" for name, change in self.told]


def typed(frame: pd.DataFrame, data: Data, names: list[str], written: Mapping[str, Writing] | None = None) -> Typed:
    """These columns of a table: ids and labels as text, numbers float64, levels as the contract spells them, times UTC.

    The result has the index of `frame`. Levels are objects, None where missing. `written` says how columns of
    numbers are written where `frame` is a part of a table; else the column itself tells.
    """
    how = {name: None if written is None else written.get(name, Writing()) for name in names}
    found = {name: _column(frame[name], name, data, how[name]) for name in names}
    return Typed(
        pd.DataFrame({name: column.cells for name, column in found.items()}, copy=False),
        [Wrong(n, why, rows) for n, column in found.items() for why, rows in column.wrong.items()],
        [(name, change) for name, column in found.items() for change in column.changes],
    )


def number(raw: pd.Series, column: Number, written: Writing | None = None) -> Column:
    """Numbers as float64; words for missing are missing, true and false 1 and 0 where the limits allow nothing else."""
    found = _number(raw, column, written)
    if not column.whole:
        return found
    broken = found.cells.notna() & (found.cells % 1 != 0)
    return Column(found.cells.mask(broken), found.wrong | _some({"not a whole number": broken}), found.changes)


def _number(raw: pd.Series, column: Number, written: Writing | None) -> Column:
    if nested(raw) or pd.api.types.is_datetime64_any_dtype(raw):
        return _unreadable(raw, "not a number")
    if pd.api.types.is_bool_dtype(raw.dtype) and not words.flag(column):
        return _unreadable(raw, "not a number")
    if pd.api.types.is_numeric_dtype(raw.dtype):
        return _finite(raw.astype("float64"))
    return _number_of_text(raw, column, written)


def category(raw: pd.Series, column: Category | None = None) -> Column:
    """Levels with the contract's spelling, as text; only empty cells are missing."""
    if nested(raw):
        return _unreadable(raw, NESTED, "object")
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


def identity(raw: pd.Series) -> Column:
    """Ids as text: 1, 1.0 and "1" are equal, "007" is different."""
    if nested(raw):
        return _unreadable(raw, NESTED, "object")
    found = category(raw)
    if not pd.api.types.is_float_dtype(raw.dtype):
        return found
    vague = raw.abs().ge(EXACT).fillna(value=False).astype(bool)
    why = "decimals too large to be exact; write ids as whole numbers or text"
    return Column(found.cells, found.wrong | _some({why: vague}))


def moment(raw: pd.Series, stated: str | None) -> Column:
    """Times as datetime64[us] in UTC, without a zone."""
    if nested(raw) or pd.api.types.is_bool_dtype(raw.dtype):
        return _unreadable(raw, times.LIKE, "datetime64[us]")
    found = times.parse(raw, stated)
    absent = _absent(raw)
    told = changes(raw, {"are read as missing": absent & raw.notna()})
    if found.naive is not None:
        told += changes(raw, {"have no zone and are read as UTC": found.naive})
    return Column(found.cells, _some({found.why: raw.notna() & ~absent & found.cells.isna()}), told)


def nested(raw: pd.Series) -> bool:
    """Whether a column holds lists, structs, maps or bytes, which have no type in the contract."""
    if isinstance(raw.dtype, pd.ArrowDtype):
        return True  # ml.data.reading leaves only these as Arrow has them
    if raw.dtype != object:
        return False
    first = raw.dropna().head(1)
    return len(first) > 0 and isinstance(first.iloc[0], list | dict | tuple | set | bytes | np.ndarray)


def as_strings(raw: pd.Series) -> pd.Series:
    """A column as text, missing where it is; numbers and truths as `as_text` writes them."""
    if isinstance(raw.dtype, pd.StringDtype):
        return raw.astype("str")
    return raw.astype(object).map(as_text, na_action="ignore").astype("str")


def shown(value: object) -> str:
    """The short Python representation of a value, without numpy's type."""
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 80 else text[:80] + "…"  # noqa: PLR2004


def example(raw: pd.Series, rows: pd.Series) -> str:
    """The first of these rows."""
    return shown(raw[rows].iloc[0])


def changes(raw: pd.Series, rows: dict[str, pd.Series]) -> tuple[Change, ...]:
    """A conversion of some rows of a column."""
    return tuple(_told(raw, rows))


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
    return identity(raw) if name in {data.id, data.group} else category(raw)


def _number_of_text(raw: pd.Series, column: Number, stated: Writing | None) -> Column:
    text = as_strings(raw).str.strip()
    absent = _absent(raw, text)
    points, truths = _matches(text, words.NUMBER), text.isin(words.TRUTHS)
    odd = text[~points & ~absent & ~truths].map(numerals.bare, na_action="ignore").dropna()
    how = writing(text) if stated is None else stated
    plain, told = text.where(points), {"are read as missing": absent & raw.notna()}
    if len(odd) or how.commas:
        rows = _rewritten(text, points, odd, how)
        plain = plain.where(rows.isna(), rows)
        told |= _how_written(text, odd, rows.notna(), how)
    values = _floats(plain)
    infinite = _matches(text, words.INFINITE)
    values = values.mask(infinite, np.inf)
    if words.flag(column) and truths.any():
        values = values.mask(truths, text.map(words.TRUTHS).eq("True").astype("float64"))
        points |= truths
    found = _finite(values)
    no_number = raw.notna() & ~(absent | points | plain.notna() | infinite)
    two = no_number & _matches(text, TWO_READINGS)
    why = {"not a number": no_number & ~two}
    if two.any():
        given = text[two].iloc[0]
        readings = f"{given.replace(',', '')} or {given.replace(',', '.')}"
        why[f"not a number: {given!r} may be {readings}; write it without the comma"] = two
    return Column(found.cells, _some(why | found.wrong), changes(raw, told))


def _rewritten(text: pd.Series, points: pd.Series, odd: pd.Series, how: Writing) -> pd.Series:
    """The numbers that are not written plainly, as Python writes them; missing elsewhere."""
    found = pd.Series(None, index=text.index, dtype="str")
    found[odd.index] = odd.map(lambda one: numerals.read(one.digits, how)).astype("str")
    if how.commas:
        thousands = points & _matches(text, numerals.EITHER["."].pattern)
        found[thousands] = text[thousands].str.replace(".", "", regex=False)
    return found


def _how_written(text: pd.Series, odd: pd.Series, read: pd.Series, how: Writing) -> dict[str, pd.Series]:
    """The rows that were read, by how they are written."""
    said, none = {}, pd.Series(data=False, index=text.index)
    digits = odd.map(lambda one: one.digits).astype("str")
    groups = digits.str.fullmatch(numerals.THOUSANDS[","].pattern) | (
        digits.str.fullmatch(numerals.EITHER[","].pattern) & how.points
    )
    comma = digits.str.contains(",", regex=False)
    kinds = {"are read with a decimal comma": comma & ~groups, "are read without commas between thousands": groups}
    kinds |= {"are read without spaces between thousands": odd.map(lambda one: one.spaced).astype(bool)}
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
    """How the numbers of a column of stripped text are written, as far as some of its rows tell."""
    points = _matches(text, words.NUMBER)
    decimal = (points & text.str.contains(".", regex=False).fillna(value=False)).astype(bool)
    surely = bool((decimal & ~_matches(text, numerals.EITHER["."].pattern)).any())
    odd = text[~points].dropna().drop_duplicates()
    bare = (found.digits for found in map(numerals.bare, odd) if found)
    return numerals.writing(bare).plus(Writing(decimal_points=surely))


def _finite(values: pd.Series) -> Column:
    infinite = values.abs() > words.LARGEST
    clean = values.mask(infinite)
    return Column(clean, _some({ENDLESS: infinite}))


def _floats(text: pd.Series) -> pd.Series:
    """Text that matches NUMBER as float64, exactly as Python reads it."""
    array = pa.array(text.str.removeprefix("+"), type=pa.large_string(), from_pandas=True)
    return pd.Series(pc.cast(array, pa.float64()).to_numpy(zero_copy_only=False), index=text.index, dtype="float64")


def _absent(raw: pd.Series, text: pd.Series | None = None) -> pd.Series:
    """Rows that are missing, or hold a word for it; `text` is the column as stripped text, where that is at hand."""
    if not (isinstance(raw.dtype, pd.StringDtype) or raw.dtype == object):
        return raw.isna()
    text = as_strings(raw).str.strip() if text is None else text
    return text.isna() | (text == "") | text.str.lower().isin(words.MISSING)


def _matches(text: pd.Series, pattern: str) -> pd.Series:
    return text.str.fullmatch(pattern).fillna(value=False).astype(bool)


def _told(raw: pd.Series, rows: dict[str, pd.Series]) -> Iterator[Change]:
    for what, these in rows.items():
        if count := int(these.sum()):
            yield Change(what, count, len(raw), example(raw, these))


def _unreadable(raw: pd.Series, why: str, dtype: str = "float64") -> Column:
    return Column(pd.Series(None, index=raw.index, dtype=dtype), _some({why: raw.notna()}))


def _some(wrong: dict[str, pd.Series]) -> dict[str, pd.Series]:
    return {why: rows for why, rows in wrong.items() if rows.any()}
