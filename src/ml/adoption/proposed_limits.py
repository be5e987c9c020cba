"""Limits of a number that a table justifies: hard limits for all later rows, and the usual range."""

import numpy as np
import pandas as pd

from ml.io.yaml_edit import rounded

END = 0.1  # share of the range: rows this near to 0 or 1 show whether the column ends there
TAIL = 6  # times the lower half of the interquartile range: hardly any normal value is further from the median
SKEW = 2  # times as wide above the median as below
SMALLEST = 1e-300  # share of the maximum that counts as 0
FAR = 2  # times the range: with more, the distance to 0 says nothing about later numbers,
ROOM = 0.2  # share of the range by which a later table may exceed each end
SURE = 10  # expected rows beyond 0 if the column had no end there


def limits(column: pd.Series) -> dict[str, object]:
    """The hard limits `min` and `max`, and the range `usual`, outside of which rows cause a warning.

    The maximum of some hundred rows is a poor limit for the next ten thousand. So only limits implied by the kind of
    column are hard: true and false, shares from 0 to 1, numbers that cannot be negative (or positive). `column` holds
    finite numbers or booleans, none missing.
    """
    values = column.to_numpy("float64")
    if pd.api.types.is_bool_dtype(column) or _flag(values):
        return {"min": 0, "max": 1}
    if np.isin(values, (0, 1)).all():  # a flag that is rarely set, or a count that is rarely above 0
        return {"min": 0, "usual": {"max": 1}}
    hard: dict[str, object] = {}
    if _never_negative(values):
        hard["min"] = 0
    if _never_negative(-values):
        hard["max"] = 0
    if values.min() >= 0 and values.max() <= 1 and _stops(1 - values) and not _whole(values):
        hard["max"] = 1
    return hard | ({} if {*hard} == {"min", "max"} else {"usual": _usual(values, hard)})


def _flag(values: np.ndarray) -> bool:
    """Whether 0 and 1 are the only possible values; a rare count would also contain a 2 (Poisson)."""
    ones = float((values == 1).mean())
    return bool(np.isin(values, (0, 1)).all()) and len(values) * ones**2 / 2 >= SURE


def _never_negative(values: np.ndarray) -> bool:
    """Whether numbers are counts, end at 0, are skewed away from it, or have a short tail less than halfway to it."""
    low, (first, quarter, middle, last) = values.min(), np.quantile(values, (0.05, 0.25, 0.5, 0.95))
    if low < 0 or values.max() == 0:
        return False
    skewed = last - middle >= SKEW * (middle - first)
    far = low >= middle / 2 and middle - low <= TAIL * (middle - quarter)
    return _whole(values) or skewed or far or _stops(values)


def _stops(values: np.ndarray) -> bool:
    """Whether `values`, none negative, end at 0 instead of thinning out: the trend of the last two steps continues."""
    step = np.quantile(values, 1 - END) * END
    last, before = (values < step).sum(), ((values >= step) & (values < 2 * step)).sum()
    return bool(last * min(1.0, last / max(before, 1)) >= SURE)


def _whole(values: np.ndarray) -> bool:
    return bool((values == np.floor(values)).all())


def _usual(values: np.ndarray, hard: dict[str, object]) -> dict[str, float]:
    """The observed range, widened to round numbers on the sides that have no hard limit.

    For numbers far from 0, such as years, both sides are widened by a fifth of the range.
    """
    low, high = float(values.min()), float(values.max())
    if high > low and min(abs(low), abs(high)) > FAR * (high - low):
        room = (high - low) * ROOM
        step = _round_down(room)
        ends = {"min": np.floor((low - room) / step), "max": np.ceil((high + room) / step)}
        return {side: rounded(float(end * step), 15) for side, end in ends.items()}
    found = {} if "min" in hard else {"min": -_round_up(-low) if low < 0 else 0}
    return found if "max" in hard else found | {"max": _round_up(high) if high > 0 else 0}


def _round_down(value: float) -> float:
    """The last 1, 2 or 5 times a power of ten that is not above `value`."""
    power = 10.0 ** np.floor(np.log10(max(value, SMALLEST)))
    return float(max(step for step in (1, 2, 5) if step == 1 or step * power <= value) * power)


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten that leaves room above `value`."""
    power = 10.0 ** np.floor(np.log10(max(value, SMALLEST)))
    step = next(step for step in (1, 2, 5, 10, 20) if step * power >= value * 1.2)
    return rounded(step * power, 12)
