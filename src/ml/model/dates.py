"""Times in columns of text, for functions of src/features.py: numpy and Python's standard library only."""

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400  # seconds
CLOCK = re.compile(r"(-?)(\d+):([0-5]\d)(?::([0-5]\d(?:[.,]\d+)?))?(?: ?([AP])\.?M\.?)?", re.IGNORECASE)
PARTS = re.compile(
    r"(\d+(?:[.,]\d+)?) ?(days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-z]) ?", re.IGNORECASE
)
UNITS = {"d": DAY, "h": 3600, "m": 60, "s": 1}  # seconds, by the first letter
THURSDAY = 3  # the weekday of 1970-01-01, counted from Monday


def days(texts: np.ndarray) -> np.ndarray:
    """Days since 1970-01-01 in UTC of times in ISO 8601, NaN where missing or unreadable; shape (rows,), float64.

    A time without a zone is taken as UTC. The difference of two columns is an age in days.
    """
    values = texts.tolist()
    known = {text: _day(text) for text in {*values}}
    return np.array([known[text] for text in values], dtype="float64")


def hour(times: np.ndarray) -> np.ndarray:
    """The hour of the day, 0 to 23, of days since 1970."""
    return np.floor(np.round(times % 1 * DAY, 3) % DAY / 3600)


def weekday(times: np.ndarray) -> np.ndarray:
    """The day of the week of days since 1970: 0 is Monday, 6 is Sunday."""
    return (np.floor(times) + THURSDAY) % 7


def month(times: np.ndarray) -> np.ndarray:
    """The month, 1 to 12, of days since 1970."""
    known = np.isfinite(times)
    dates = np.floor(np.where(known, times, 0)).astype("datetime64[D]")
    months = dates.astype("datetime64[M]").astype("int64") % 12 + 1
    return np.where(known, months, np.nan)


def seconds(texts: np.ndarray) -> np.ndarray:
    """Seconds of times of day and durations, NaN where missing or unreadable; shape (rows,), float64.

    Reads `08:30` and `8:30 PM` (hours and minutes), `1:02:03`, `2h 30m`, `90 min` and ISO 8601 without months (`PT2H`).
    """
    values = texts.tolist()
    known = {text: _seconds(text) for text in {*values}}
    return np.array([known[text] for text in values], dtype="float64")


def _seconds(text: Any) -> float:
    text = str(text or "").strip()
    if clock := CLOCK.fullmatch(text):
        sign, hours, minutes, rest, half = clock.groups()
        hours = int(hours) % 12 + 12 * (half in "Pp") if half else int(hours)
        found = hours * 3600 + int(minutes) * 60 + float((rest or "0").replace(",", "."))
        return -found if sign else found
    plain = re.sub(r"^P|T", "", text) if text[:1] == "P" else text
    parts = PARTS.findall(plain)
    if not parts or PARTS.sub("", plain):
        return float("nan")
    return sum(float(number.replace(",", ".")) * UNITS[unit[0].lower()] for number, unit in parts)


def _day(text: Any) -> float:
    try:
        found = datetime.fromisoformat(f"{text[:-4]}Z" if text.endswith((" UTC", " GMT")) else text)
    except (AttributeError, TypeError, ValueError):
        return float("nan")
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return (found - EPOCH).total_seconds() / DAY
