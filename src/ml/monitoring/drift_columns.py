"""Drift of one column of a window: its tests, and a description of the change."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.data.schema import levels
from ml.model.distributions import Levels, Numbers, finite, of_levels
from ml.monitoring.dependence import Way, design_effect
from ml.monitoring.drift_tests import Test, chi_square, gone, kolmogorov_smirnov, new, rise, unseen
from ml.settings.monitor import Monitor

INPUTS = ("missing in", "in training", "levels with {share} of training rows have disappeared")
ANSWERS = ("no class in", "at release", "classes with {share} of the rows at release are no longer predicted")
SHOWN = 20  # most frequent levels, for the design effect


@dataclass(frozen=True)
class ColumnDrift:
    """The result for one column or for the prediction."""

    column: str
    drifted: bool
    reason: str  # description of the change, or of its absence
    test: str
    statistic: float
    p: float  # of this test alone
    holm: float  # corrected for all tests of the window; the verdict uses this one
    effect: float  # KS distance, total variation of levels, or increase of the share without a known value
    missing: dict[str, float]  # share `before` and `after`
    new_levels: dict[str, int]  # rows of the window


@dataclass(frozen=True)
class Probe:
    """A column before and after with its tests: `values` always, `missing` and `new` if such rows exist."""

    column: str
    tests: dict[str, Test]
    told: str
    missing: dict[str, float]
    fresh: dict[str, int] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)
    whose: tuple[str, str, str] = INPUTS


def probe(name: str, before: Numbers | Levels, column: pd.Series, ways: Sequence[Way] = ()) -> Probe:
    """The tests of a column of a window; `ways` holds the groupings of dependent rows."""
    absent, known = _values(column, number=isinstance(before, Numbers))
    worth = design_effect(known, [way.of(~absent) for way in ways])
    if isinstance(before, Numbers):
        numbers = finite(column)
        missing, tests = _missing(before, len(column), len(numbers), design_effect(absent, [*ways]))
        tests["values"] = kolmogorov_smirnov(before, numbers, worth)
        return Probe(name, tests, _medians(before, numbers), missing)
    after = of_levels(column, before)
    missing, tests = _missing(before, len(column), after.rows, design_effect(absent, [*ways]))
    fresh = dict(new(before, after))
    if fresh:  # the chi-square test may pool them with other rare levels
        tests["new"] = rise((unseen(before), before.rows), (sum(fresh.values()), after.rows), worth)
    tests["values"] = chi_square(before, after, worth)
    return Probe(name, tests, _mix(before, after), missing, fresh, gone(before, after))


def _missing(
    before: Numbers | Levels, rows: int, present: int, worth: float
) -> tuple[dict[str, float], dict[str, Test]]:
    """The shares without a known value, and the test of their increase if there are any."""
    gaps = {"before": (before.missing, before.rows + before.missing), "after": (rows - present, rows)}
    missing = {when: count / max(1, of) for when, (count, of) in gaps.items()}
    return missing, {"missing": rise(*gaps.values(), worth)} if any(missing.values()) else {}


def found(one: Probe, p: dict[str, float], settings: Monitor) -> ColumnDrift:
    """The verdict on a column, given the corrected p value of each of its tests."""
    limits = {"values": settings.effect, "missing": settings.missing_rise, "new": settings.missing_rise}
    sure = {kind for kind in one.tests if p[kind] <= settings.alpha / 2}
    loud = [kind for kind in limits if kind in sure and one.tests[kind].effect >= limits[kind]]
    none, then, gone_ = one.whose
    told = {
        "values": f"{one.told} ({_measure(one.tests['values'])}, limit {settings.effect:g})",
        "missing": f"{none} {one.missing['after']:.1%} of rows, {one.missing['before']:.1%} {then}",
        "new": f"an untrained level in {_effect(one, 'new'):.1%} of rows: {_names(one.fresh)}",
    }
    reasons, lost = [told[kind] for kind in loud], sum(one.lost.values())
    if "values" in sure and lost >= settings.missing_rise:
        reasons.append(f"{gone_.format(share=f'{lost:.1%}')}: {_names(one.lost)}")
    kind = next(iter(loud), "values")
    test, reason = one.tests[kind], "; ".join(reasons) or f"{one.told} ({_measure(one.tests['values'])})"
    numbers = (test.name, test.statistic, test.p, p[kind], test.effect)
    return ColumnDrift(one.column, bool(reasons), reason, *numbers, one.missing, one.fresh)


def _values(column: pd.Series, *, number: bool) -> tuple[np.ndarray, np.ndarray]:
    """A mask of rows without a value, and the ranks or most frequent levels of the others for the design effect."""
    if number:
        values = pd.to_numeric(column, errors="coerce").astype("float64")
        absent = ~np.isfinite(values.to_numpy())
        return absent, values[~absent].rank().to_numpy()
    names = levels(column)
    present = names.dropna()
    return names.isna().to_numpy(), np.column_stack(
        [np.empty((len(present), 0)), *((present == name).to_numpy() for name in present.value_counts().index[:SHOWN])]
    )


def _effect(one: Probe, kind: str) -> float:
    return one.tests[kind].effect if kind in one.tests else 0.0


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
