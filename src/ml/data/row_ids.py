"""Which column identifies a row, and a column of ids for a table that has none."""

import re
from hashlib import blake2b

import pandas as pd

from ml.data import times
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.data import as_text

MADE = "row_id"
NAMED = re.compile(r"(^|[^a-z])(id|ids|key|uuid|guid)([^a-z]|$)|^(index|unnamed)([^a-z]|$)|[^a-z](no|nr|number)$")
DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
SMALLEST = 2  # rows
ENTITY = re.compile(r"(^|[^a-z])(id|ids|key|uuid|guid)([^a-z]|$)")
FEWEST_ENTITIES = 50  # an id of fewer things may be a category


def identity(frame: pd.DataFrame, target: str) -> str | None:
    """The column that identifies a row, by its values and its name; None where no column is meant to.

    Nothing is missing in it and nothing comes twice. Dates and decimals are unique by chance only; so are whole
    numbers that neither count the rows nor bear the name of an id, and texts of several words.
    """
    able = [name for name in frame.columns if name != target and _identifies(frame[name], str(name))]
    return next((str(n) for n in able if NAMED.search(_words(str(n)))), str(able[0]) if able else None)


def entities(frame: pd.DataFrame, but: set[str]) -> list[str]:
    """The columns that name things which come in several rows: by their name an id, never missing; coarsest first."""
    found = {}
    for name in frame.columns.difference([*but], sort=False):
        column, no_id = frame[name], (pd.api.types.is_float_dtype, pd.api.types.is_bool_dtype, dates)
        if ENTITY.search(_words(str(name))) and column.notna().all() and not any(is_no(column) for is_no in no_id):
            found[str(name)] = column.nunique()
    return sorted((n for n, count in found.items() if FEWEST_ENTITIES < count < len(frame)), key=lambda n: found[n])


def told(frame: pd.DataFrame, name: str) -> str:
    """The id that the user names, when it is one; raises UserError with what stands in the way."""
    if gaps := int(frame[name].isna().sum()):
        others = _others(frame, name)
        raise UserError(
            f"{name} cannot be the id: {gaps:,} of {counted(len(frame), 'row')} have none. Fill it, or {others}."
        )
    shared = frame[name][frame[name].duplicated(keep=False)]
    if len(shared):
        rows = int((shared == shared.iloc[0]).sum())
        raise UserError(
            f"{name} cannot be the id: {len(shared):,} of {counted(len(frame), 'row')} share theirs with "
            "another row, e.g. "
            f"{as_text(shared.iloc[0])!r} stands in {rows:,}. Keep one row of each (the newest, say), or "
            f"{_others(frame, name)}."
        )
    return name


def free_name(frame: pd.DataFrame) -> str:
    """A name for a column of ids that the table does not have yet."""
    names = [MADE, *(f"{MADE}_{number}" for number in range(2, len(frame.columns) + 3))]
    return next(name for name in names if name not in frame)


def made(frame: pd.DataFrame) -> pd.Series:
    """An id for each row: a hash of what the row holds, numbered from 2 where an equal row stood before.

    The order of rows and columns does not matter, and 1, 1.0 and "1" are one value, so a later export of the same
    rows gives the same ids.
    """
    names = sorted(frame.columns, key=str)
    columns = [frame[name].map(as_text, na_action="ignore").astype(object) for name in names]
    rows = zip(*(column.where(column.notna(), None) for column in columns), strict=True)
    known = [str(name) for name in names]
    texts = (repr([*zip(known, row, strict=True)]) for row in rows)
    ids = pd.Series([blake2b(text.encode(), digest_size=8).hexdigest() for text in texts], index=frame.index)
    again = ids.groupby(ids).cumcount() + 1
    return "r" + ids + again.map(lambda number: "" if number == 1 else f"-{number}")


def given(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The frame with the ids that `adopt` made for its table, where it lacks that column and they can be made again."""
    if name in frame or not re.fullmatch(rf"{MADE}(_\d+)?", name):
        return frame
    return frame.assign(**{name: made(frame)})


def dates(column: pd.Series) -> bool:
    """Whether a column holds dates, be it as text, as a CSV file has them."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    if pd.api.types.is_numeric_dtype(column):
        return False
    some = column.dropna().head(1000).astype(str)
    if some.empty or not some.str.match(DATE).all():
        return False
    return bool(times.parse(some).cells.notna().all() or times.readings(some))


def _identifies(column: pd.Series, name: str) -> bool:
    if len(column) < SMALLEST or column.isna().any() or not column.is_unique or dates(column):
        return False
    if pd.api.types.is_float_dtype(column) or pd.api.types.is_bool_dtype(column):
        return False
    if NAMED.search(_words(name)):
        return True
    if pd.api.types.is_numeric_dtype(column):
        return bool(column.max() - column.min() == len(column) - 1)  # 1, 2, 3, … in some order
    return not column.astype(str).str.contains(r"\s").any()


def _words(name: str) -> str:
    """The name with the parts that capitals set apart separated: loanID as loan_ID."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _others(frame: pd.DataFrame, name: str) -> str:
    """What could be named instead."""
    rest = frame.drop(columns=name)
    able = [str(n) for n in rest if rest[n].notna().all() and rest[n].is_unique and not dates(rest[n])]
    return f"name another with ID= ({', '.join(able[:5])} would do)" if able else "leave ID= out: adopt makes one"
