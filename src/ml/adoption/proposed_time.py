"""The column of a new table that holds the time of each row, and the format of its times."""

import re

import pandas as pd

from ml.adoption import inference
from ml.data.row_ids import dates, words
from ml.io.errors import UserError

NAMED = re.compile(r"(^|[^a-z])(timestamp|time|date|datetime|epoch|unix|ts)([^a-z]|$)")  # a whole number may be a time
OF_SOMETHING_ELSE = re.compile(
    r"(^|[^a-z])(birth|birthday|birthdate|born|dob|geburt|geburtsdatum|expir\w*|until|due|valid to)([^a-z]|$)"
)
NO_END = "9999"  # the year of a date that never comes
FEWEST = 2  # different times
SEVERAL = 6  # different whole numbers that all are dates: hardly by chance
DIGITS = {"%Y%m": range(190_001, 210_013), "%Y%m%d": range(19_000_101, 21_001_232)}


def candidates(frame: pd.DataFrame, but: set[str]) -> list[str]:
    """The columns with a readable time in every row, in the order of the table; times of a birth or an end are last."""
    names = [str(name) for name in frame.columns if name not in but and _holds_times(frame[name])]
    return sorted(names, key=lambda name: bool(OF_SOMETHING_ELSE.search(words(name))))


def written_as_number(column: pd.Series) -> bool:
    """Whether whole numbers are all dates without separators, such as 202401 or 20240131."""
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() < SEVERAL or (column % 1 != 0).any():
        return False
    ends = int(column.min()), int(column.max())
    stated = next((form for form, known in DIGITS.items() if all(end in known for end in ends)), "")
    text = pd.Series(column.unique()).astype("int64").astype(str)
    return bool(stated) and bool(pd.to_datetime(text, format=stated, errors="coerce").notna().all())


def _holds_times(column: pd.Series) -> bool:
    if column.isna().any() or column.nunique() < FEWEST:
        return False
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.max().year < int(NO_END)
    if column.astype(str).str.contains(NO_END, regex=False).any() and not pd.api.types.is_numeric_dtype(column):
        return False
    whole = pd.api.types.is_integer_dtype(column) and bool(NAMED.search(words(str(column.name))))
    if not whole and not dates(column):
        return False
    try:
        found = inference.time_format(column, "")
    except UserError:
        return False
    return found.get("time_format") != "%Y"  # a year is part of a date, not the time of a row
