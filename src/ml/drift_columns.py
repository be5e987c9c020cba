"""What a window shows of one column: its tests, and in words what moved."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.drift_tests import Test, chi_square, gone, kolmogorov_smirnov, new, rise
from ml.params import Monitor
from ml.reference import Levels, Numbers, finite, of_levels


@dataclass(frozen=True)
class Column:
    """What one column, or the prediction, shows."""

    column: str
    drifted: bool
    reason: str  # what moved, or what did not
    test: str
    statistic: float
    p: float  # of this test alone
    holm: float  # corrected for all tests of the window: this one is judged
    effect: float  # KS distance, total variation of levels, or rise of the missing share
    missing: dict[str, float]  # share `before` and `after`
    new_levels: dict[str, int]  # rows of the window
    vanished_levels: dict[str, float]  # share of the training rows


@dataclass(frozen=True)
class Probe:
    """A column before and after with its tests: of the values first, then of the missing share where any is missing."""

    column: str
    tests: tuple[Test, ...]
    told: str
    missing: dict[str, float]
    fresh: dict[str, int] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)
    rows: int = 0  # present values of the window


def probe(name: str, before: Numbers | Levels, column: pd.Series) -> Probe:
    """The tests of a column of a window."""
    if isinstance(before, Numbers):
        after = finite(column)
        rows, test, told = len(after), kolmogorov_smirnov(before, after), _medians(before, after)
        fresh, lost = {}, {}
    else:
        counts = of_levels(column)
        rows, test, told = counts.rows, chi_square(before, counts), _mix(before, counts)
        fresh, lost = new(before, counts), gone(before, counts)
    was, is_ = (before.missing, before.rows + before.missing), (len(column) - rows, len(column))
    tests = (test, rise(was, is_)) if was[0] + is_[0] else (test,)
    shares = {"before": was[0] / max(1, was[1]), "after": is_[0] / max(1, is_[1])}
    return Probe(name, tests, told, shares, fresh, lost, rows)


def found(one: Probe, p: list[float], settings: Monitor) -> Column:
    """The verdict on a column, given the corrected p value of each of its tests."""
    level, limit = settings.alpha / 2, settings.missing_rise
    values, reasons = one.tests[0], []
    moved = p[0] <= level
    unknown, lost = sum(one.fresh.values()) / max(1, one.rows), sum(one.lost.values())
    if moved and values.effect >= settings.effect:
        reasons.append(f"{one.told} ({_measure(values)}, limit {settings.effect:g})")
    if moved and unknown >= limit:
        reasons.append(f"{unknown:.1%} of rows have a level that nobody trained on: {_names(one.fresh)}")
    if moved and lost >= limit:
        reasons.append(f"levels of {lost:.1%} of training rows are gone: {_names(one.lost)}")
    rising = len(one.tests) > 1 and p[1] <= level and one.tests[1].effect >= limit
    if rising:
        reasons.append(f"missing in {one.missing['after']:.1%} of rows, {one.missing['before']:.1%} in training")
    spoken = 1 if rising and len(reasons) == 1 else 0
    test = one.tests[spoken]
    reason = "; ".join(reasons) or f"{one.told} ({_measure(values)})"
    numbers = (test.name, test.statistic, test.p, p[spoken], test.effect)
    return Column(one.column, bool(reasons), reason, *numbers, one.missing, one.fresh, one.lost)


def _measure(test: Test) -> str:
    return f"{'KS distance' if test.name == 'KS' else 'total variation'} {test.effect:.3f}"


def _medians(before: Numbers, after: np.ndarray) -> str:
    if not before.rows or not len(after):
        return "no value to compare"
    half = next(point for point, count in zip(before.points, before.upto, strict=True) if 2 * count >= before.rows)
    return f"median {half:.4g} → {after[(len(after) - 1) // 2]:.4g}"


def _mix(before: Levels, after: Levels) -> str:
    """The level whose share changed most."""
    if not before.rows or not after.rows:
        return "no level to compare"
    names = sorted({*before.levels, *after.levels})
    shares = [(n, before.levels.get(n, 0) / before.rows, after.levels.get(n, 0) / after.rows) for n in names]
    name, was, is_ = max(shares, key=lambda share: abs(share[2] - share[1]))
    return f"{name} {was:.1%} → {is_:.1%}"


def _names(levels: dict, most: int = 3) -> str:
    more = f" and {len(levels) - most} more" if len(levels) > most else ""
    return ", ".join([*levels][:most]) + more
