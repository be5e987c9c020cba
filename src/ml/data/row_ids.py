"""The column that identifies a row, and a column of ids for a table without one."""

import re
from hashlib import blake2b

import pandas as pd

from ml.data import times
from ml.data.number_units import times_of_day, units
from ml.data.values import EXACT
from ml.data.words import TOO_LONG
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.data import LONGEST, as_text

MADE = "row_id"
ENTITY = re.compile(r"(^|[^a-z])(id|ids|key|uuid|guid|nbr)([^a-z]|$)")
NAMED = re.compile(r"^(index|unnamed)([^a-z]|$)|[^a-z](no|nr|number)$")
MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
DATE = rf"(?i)\d{{1,4}}[-/.年]\d{{1,2}}[-/.月]\d{{1,4}}|(\d{{1,2}}[- ])?{MONTH}[- ]\d{{1,4}}"
DATE += r"|\d{4}[-/](0[1-9]|1[0-2])$"
SMALLEST = 2  # rows
BLOCK = 20_000  # rows whose values are text in memory at a time
THING = re.compile(
    r"(account|acct|case|client|code|cust|customer|device|email|employee|hash|household|iban|invoice|member|order|"
    r"patient|person|policy|ref|reference|serial|sku|student|subscriber|ticket|token|user)s?([^a-z]?(code|num|ref))?"
)
BY_CHANCE = 10  # expected rows with a shared whole number; without any, chance is one in 22,000 tables
NAMES = (ENTITY.search, THING.fullmatch, NAMED.search)
FEWEST_ENTITIES = 50  # an id with fewer values may be a category


def identities(frame: pd.DataFrame, but: str) -> list[str]:
    """The columns that each identify a row, by name and values; those with the clearest names first.

    They have no missing and no repeated value. Dates and decimals are unique only by chance; so may be texts of several
    words, and whole numbers unless so many rows would share some.
    """
    able = [name for name in _unique(frame, but) if _identifies(frame[name], str(name))]
    return [str(name) for name in sorted(able, key=lambda name: _rank(str(name)))]


def named(name: str) -> bool:
    """Whether a column has the name of an id."""
    return _rank(name) < len(NAMES)


def perhaps(frame: pd.DataFrame, but: str) -> list[str]:
    """The columns with unique values whose name and values do not clearly indicate an id."""
    return [str(name) for name in _unique(frame, but) if not _identifies(frame[name], str(name))]


def entities(frame: pd.DataFrame, but: set[str]) -> list[str]:
    """The columns that identify entities with several rows: id-like names, never missing; fewest values first."""
    found = {}
    for name in frame.columns.difference([*but], sort=False):
        column = frame[name]
        if ENTITY.search(words(str(name))) and column.notna().all() and not _no_id(column):
            found[str(name)] = column.nunique()
    return sorted((n for n, count in found.items() if FEWEST_ENTITIES < count < len(frame)), key=lambda n: found[n])


def told(frame: pd.DataFrame, name: str) -> str:
    """The id column that the user sets; raises UserError with the reason if it is not unique and complete."""
    if gaps := int(frame[name].isna().sum()):
        others = _others(frame, name)
        raise UserError(
            f"{name} cannot be the id: {gaps:,} of {counted(len(frame), 'row')} have none. Fill it, or {others}."
        )
    if _long(frame[name]):
        rows = int((frame[name].astype(str).str.len() > LONGEST).sum())
        raise UserError(
            f"{name} cannot be the id: {rows:,} of {counted(len(frame), 'row')} have one that is {TOO_LONG}, which no "
            f"request may send. Shorten it, for instance to a hash, or {_others(frame, name)}."
        )
    shared = frame[name][frame[name].duplicated(keep=False)]
    if len(shared):
        rows = int((shared == shared.iloc[0]).sum())
        raise UserError(
            f"{name} cannot be the id: {len(shared):,} of {counted(len(frame), 'row')} share "
            "their value with another row, e.g. "
            f"{as_text(shared.iloc[0])!r} is in {rows:,}. Keep one row of each, for instance the newest, or "
            f"{_others(frame, name)}."
        )
    return name


def free_name(frame: pd.DataFrame) -> str:
    """An unused name for a column of ids."""
    names = [MADE, *(f"{MADE}_{number}" for number in range(2, len(frame.columns) + 3))]
    return next(name for name in names if name not in frame)


def made(frame: pd.DataFrame) -> pd.Series:
    """An id for each row: a hash of its values, with a number from 2 for repeated rows.

    The order of rows and columns does not matter, and 1, 1.0 and "1" are one value, so a later export of the same rows
    gives the same ids.
    """
    parts = (frame.iloc[first : first + BLOCK] for first in range(0, len(frame), BLOCK))
    ids = pd.Series([found for part in parts for found in _hashes(part)], index=frame.index, dtype="str")
    again = ids.groupby(ids).cumcount() + 1
    return "r" + ids + again.map(lambda number: "" if number == 1 else f"-{number}")


def _hashes(frame: pd.DataFrame) -> list[str]:
    names = sorted(frame.columns, key=str)
    columns = [frame[name].map(as_text, na_action="ignore").astype(object) for name in names]
    rows = zip(*(column.where(column.notna(), None) for column in columns), strict=True)
    known = [str(name) for name in names]
    return [blake2b(repr([*zip(known, row, strict=True)]).encode(), digest_size=8).hexdigest() for row in rows]


def is_made(name: str) -> bool:
    """Whether a column of this name holds ids that `adopt` made."""
    return bool(re.fullmatch(rf"{MADE}(_\d+)?", name))


def dates(column: pd.Series) -> bool:
    """Whether a column holds dates, also as text of a CSV file."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    if pd.api.types.is_numeric_dtype(column):
        return False
    some = column.dropna().head(1000).astype(str)
    if some.empty or not some.str.match(DATE).all():
        return False
    return bool(times.parse(some).cells.notna().all() or times.readings(some))


def words(name: str) -> str:
    """The name with an underscore before a part in capitals: loanID becomes loan_ID."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _unique(frame: pd.DataFrame, but: str) -> list[str]:
    """The columns of whole numbers or text with unique values and no missing value."""
    return [
        name
        for name in frame.columns
        if name != but and len(frame) >= SMALLEST and frame[name].notna().all() and frame[name].is_unique
        and not _no_id(frame[name]) and not _long(frame[name])
    ]  # fmt: skip


def _no_id(column: pd.Series) -> bool:
    """Whether the values of a column are of a kind that ids never have."""
    if pd.api.types.is_numeric_dtype(column):
        return _decimals(column) or pd.api.types.is_bool_dtype(column)
    some = column.dropna().head(1000).astype(str)
    return dates(column) or bool(units(some)) or times_of_day(some)


def _decimals(column: pd.Series) -> bool:
    """Whether a column holds decimals, or numbers that are too large to be stored exactly."""
    return pd.api.types.is_float_dtype(column) and bool(((column % 1 != 0) | (column.abs() >= EXACT)).any())


def _long(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column) and bool((column.astype(str).str.len() > LONGEST).any())


def _identifies(column: pd.Series, name: str) -> bool:
    if named(name):
        return True
    if pd.api.types.is_numeric_dtype(column):
        rows, span = len(column), int(column.max()) - int(column.min()) + 1
        return span == rows or rows * (rows - 1) / 2 / span >= BY_CHANCE  # 1, 2, 3, … in some order, or nearly so
    return not column.astype(str).str.contains(r"\s").any()


def _rank(name: str) -> int:
    """The index of the first pattern that matches a name, or the number of patterns."""
    known = words(name)
    return next((place for place, fits in enumerate(NAMES) if fits(known)), len(NAMES))


def _others(frame: pd.DataFrame, name: str) -> str:
    """The advice on another id column."""
    rest = frame.drop(columns=name)
    able = [str(n) for n in rest if rest[n].notna().all() and rest[n].is_unique and not dates(rest[n])]
    return (
        f"name another column with ID= (for instance {', '.join(able[:5])})"
        if able
        else "leave out ID=: adopt adds an id"
    )
