"""Bias of predicted numbers and coverage of their intervals, compared with the release.

The mean absolute error can stay the same while all values become too low, or while the errors become more unequal, so
that the interval of constant width covers fewer rows than its nominal coverage.
"""

import numpy as np
from scipy.stats import norm

from ml.model.reference import Promise, Reference
from ml.monitoring.dependence import Way, design_effect
from ml.monitoring.live_calibration import CalibrationPart, at_release, side
from ml.settings.monitor import Monitor

# Divisors of alpha for a tail: a bias counts in both directions, a higher coverage does not.
TAILS = {"bias": 16, "coverage": 8}


def judge(
    reference: Reference, pair: tuple[np.ndarray, np.ndarray], ways: list[Way], settings: Monitor
) -> tuple[CalibrationPart, ...]:
    """Mean error, and the share of labels in their interval, against the release; none without intervals at release.

    Worse when the whole interval of the change is beyond the margin. The margin of the bias counts standard deviations
    of the target at release.
    """
    promised = reference.interval
    if promised is None:
        return ()
    limits, found = {"bias": settings.calibration.bias, "coverage": settings.calibration.coverage}, []
    for name, rows in _rows(promised, *pair).items():
        margin = limits[name]
        if margin is None:
            continue
        margin *= promised.spread if name == "bias" else 1
        deviation = max(float(rows.std()), _least(promised) if name == "coverage" else 0.0)
        then, doubt = at_release(reference, name, deviation / reference.tested**0.5)
        error = deviation * (design_effect(rows, ways) / len(rows)) ** 0.5
        half, change = float(norm.isf(settings.alpha / TAILS[name]) * np.hypot(error, doubt)), float(rows.mean()) - then
        worse = change + half < -margin or (name == "bias" and change - half > margin)
        means = f"values are too {side(change)}" if name == "bias" else "the coverage of intervals has decreased"
        found.append(
            CalibrationPart(name, worse, then + change, then, change, change - half, change + half, margin, means)
        )
    return tuple(found)


def _rows(promised: Promise, truth: np.ndarray, value: np.ndarray) -> dict[str, np.ndarray]:
    """The error of each row, and whether the interval covers the true value."""
    return {"bias": value - truth, "coverage": (np.abs(value - truth) <= promised.half_width).astype("float64")}


def _least(promised: Promise) -> float:
    """The standard deviation of a row's coverage at its nominal value.

    The observed one is 0 if all rows are covered.
    """
    return (promised.level * (1 - promised.level)) ** 0.5
