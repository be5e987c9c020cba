"""Times as UTC without a zone: from ISO 8601, or from the one format that `data.time_format` states."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pandas as pd

from ml.data import words
from ml.io.errors import UserError

ISO = (
    r"[0-9]{4}-[0-9]{2}(-[0-9]{2}([T ][0-9]{2}(:?[0-9]{2}(:?[0-9]{2}(\.[0-9]+)?)?)? ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?)?"
)
ZONED = r".*[T ][0-9:.]+ ?(Z|UTC|GMT|[+-][0-9]{2}:?([0-9]{2})?)"
EPOCHS = {"seconds": "s", "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}  # since 1970
LAST = 253_402_300_800  # seconds until the year 10,000
DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y%m%d", "%Y%m", "%Y")
DAYS += ("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")
DAYS += ("%b-%Y", "%b-%y", "%b %Y", "%B %Y", "%Y/%m", "%Y年%m月%d日")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
LENGTHS = {"Y": "{4}", "f": "{1,9}", "b": "+", "B": "+", "p": "+"}  # of parts of a format; others have 1 or 2 digits
UTC = r"(?<=[0-9]) ?(UTC|GMT)$"  # a zone that ISO 8601 writes as Z
LIKE = "not a date like 2026-01-31"


@dataclass(frozen=True)
class Times:
    """Times in UTC, missing if absent or unreadable; the reasons; and the rows without a zone."""

    cells: pd.Series  # datetime64[us]
    why: str
    naive: pd.Series | None = None  # rows without a zone where others have one


def parse(raw: pd.Series, stated: str | None = None) -> Times:
    """The times of a column; a time without a zone is UTC; ambiguous values are refused."""
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        return Times(raw.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]"), LIKE)
    if pd.api.types.is_datetime64_any_dtype(raw):
        return Times(raw.astype("datetime64[us]"), LIKE)
    text = raw.map(words.text).astype("str")
    text = text.mask(text.str.lower().isin(words.MISSING) | (text == ""))
    if stated:
        return Times(_as(text, stated), f"not of data.time_format {stated}")
    text = text.str.replace(UTC, "Z", regex=True)
    iso = text.str.fullmatch(ISO).fillna(value=False).astype(bool)
    values = pd.to_datetime(text.where(iso), errors="coerce", format="ISO8601", utc=True)
    zoned = iso & text.str.fullmatch(ZONED).fillna(value=False).astype(bool)
    naive = iso & ~zoned if zoned.any() and (iso & ~zoned).any() else None
    return Times(values.dt.tz_localize(None).astype("datetime64[us]"), _why(text[text.notna() & ~iso]), naive)


def readings(column: pd.Series) -> dict[str, pd.Timestamp]:
    """Each format that fits every value of a column, with the resulting time of its first value."""
    text = column.dropna().map(words.key).drop_duplicates()
    return dict(_fitting(text)) if len(text) else {}


def excel(column: pd.Series) -> str:
    """The day of the first number if all may be Excel's day numbers, from 1954 to 2119; otherwise nothing."""
    days = pd.to_numeric(column.dropna(), errors="coerce")
    if days.empty or not days.between(20_000, 80_000).all():
        return ""
    return (pd.Timestamp("1899-12-30") + pd.Timedelta(int(days.iloc[0]), "D")).date().isoformat()


def utc(column: pd.Series) -> pd.Series:
    """The times of a column with their zone, as in the prediction log."""
    return parse(column).cells.dt.tz_localize("UTC")


def _fitting(text: pd.Series) -> Iterator[tuple[str, pd.Timestamp]]:
    dates = (stated for stated, shape in _shapes() if shape.fullmatch(text.iloc[0]))  # reading 190 formats takes long
    for stated in (*dates, *EPOCHS):
        if all(_as(some, stated).notna().all() for some in (text.head(1), text.head(1000))):  # where most values fail
            found = _as(text, stated)
            if found.notna().all():
                yield stated, found.iloc[0]


@cache
def _shapes() -> list[tuple[str, re.Pattern[str]]]:
    """Each format of dates, and a pattern of every text that it may fit: month 13 and a wrong name fit it too."""
    formats = [day + clock for day in DAYS for clock in CLOCKS]
    return [(stated, re.compile(_shape(stated), re.IGNORECASE)) for stated in formats]


def _shape(stated: str) -> str:
    def part(found: re.Match[str]) -> str:
        if found[0].isspace():
            return r"\s+"
        letter = found[1]
        return (r"\D" if letter in "bBp" else r"\d") + LENGTHS.get(letter, "{1,2}") if letter else re.escape(found[0])

    return re.sub(r"%(.)|\s|.", part, stated)


def _as(text: pd.Series, stated: str) -> pd.Series:
    if stated in EPOCHS:
        micros = pd.to_numeric(text, errors="coerce").astype("float64") * (pd.Timedelta(1, EPOCHS[stated]).value / 1000)
        return micros.where(micros.abs() < LAST * 10**6).round().astype("Int64").astype("datetime64[us]")
    try:
        times = pd.to_datetime(text, errors="coerce", format=stated, utc=True)
    except ValueError as error:
        raise UserError(
            f"data.time_format {stated!r} is no format of dates: {error}. Write it like %d/%m/%Y, or one of "
            f"{', '.join(EPOCHS)}."
        ) from None
    return times.dt.tz_localize(None).astype("datetime64[us]")


def _why(odd: pd.Series) -> str:
    found = readings(odd)
    if not found:
        return LIKE
    first, known = _differing(odd, [*found])
    if len({*known.values()}) < len(known):  # these dates are the same in both readings, later ones are not
        return f"not ISO 8601: {first!r} fits {' and '.join(known)}; set data.time_format"
    said = " or ".join(f"{time.isoformat()} (as {stated})" for stated, time in known.items())
    return f"not ISO 8601: {first!r} may be {said}; set data.time_format"


def _differing(odd: pd.Series, formats: list[str]) -> tuple[str, dict[str, pd.Timestamp]]:
    """The first value that formats read as different times, with these times; otherwise the first value."""
    text = odd.map(words.key).drop_duplicates()
    read = pd.DataFrame({stated: _as(text, stated) for stated in formats})
    place = int((read.nunique(axis="columns") == len(formats)).to_numpy().argmax())
    return text.iloc[place], read.iloc[place].to_dict()
