"""Two-sample tests between the reference of a release and a window, each with its effect size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2_contingency, fisher_exact, kstwo

from ml.model.distributions import Levels, Numbers

MOST_DECIMALS = 6  # most decimals of a rounded number
SAME = 1e-6  # relative difference below which numbers are equal: float32, or text with fewer digits
EXPECTED = 5  # minimum rows of a level in each sample for a valid chi-square term (Cochran, 1954)


@dataclass(frozen=True)
class Test:
    """The result of a test; `effect` does not depend on the number of rows."""

    name: str
    statistic: float
    p: float
    effect: float


def kolmogorov_smirnov(before: Numbers, after: np.ndarray, worth: float = 1.0) -> Test:
    """Two-sample KS test with `after` in ascending order; its effect is the distance itself.

    The distance is taken at the points of the reference and just below each. It is scipy's ks_2samp(method="asymp")
    when the reference holds every distinct value, and smaller by at most 1/400 otherwise. If one side is rounded to
    fewer decimals than the other, both are compared after this rounding; differences in the last digits, as of float32,
    do not count. `worth` is the design effect of both sides: this many rows are worth one independent row.
    """
    n, m = before.rows, len(after)
    if not n or not m:
        return Test("KS", 0.0, 1.0, 0.0)
    points, first, last, after = _alike(before, after)
    upto = np.array(before.upto)[last] / n - np.searchsorted(after, points, side="right") / m
    below = np.array(before.below)[first] / n - np.searchsorted(after, points, side="left") / m
    distance = float(max(np.abs(upto).max(), np.abs(below).max()))
    return Test("KS", distance, float(kstwo.sf(distance, max(1, round(n * m / (n + m) / worth)))), distance)


def _alike(before: Numbers, after: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points rounded like the coarser side, the first and last original point of each, and `after` so rounded."""
    points = np.asarray(before.points)
    every, own, theirs = np.arange(len(points)), _decimals(points), _decimals(after)
    if min(own, theirs) == MOST_DECIMALS:
        return points, every, every, _snapped(after, points)
    coarse = min(own, theirs)
    rounded = np.round(points, coarse)
    unique = np.unique(rounded)
    first, last = (np.searchsorted(rounded, unique, side=side) for side in ("left", "right"))
    return unique, first, last - 1, np.round(after, coarse)


def _snapped(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values in ascending order, each equal to its nearest point if the two differ only by rounding."""
    places = np.searchsorted((points[1:] + points[:-1]) / 2, values)
    near = points[places]
    digits = SAME * np.minimum(np.abs(near), points[-1] - points[0])
    return np.where(np.abs(near - values) <= digits, near, values)


def _decimals(values: np.ndarray) -> int:
    """The fewest decimals that represent all values, at most MOST_DECIMALS."""
    return next(
        (d for d in range(MOST_DECIMALS) if np.allclose(np.round(values, d), values, rtol=1e-7, atol=1e-9)),
        MOST_DECIMALS,
    )


def chi_square(before: Levels, after: Levels, worth: float = 1.0) -> Test:
    """Chi-square test of homogeneity, rare levels pooled; its effect is the total variation distance.

    `worth` is the design effect of both sides; the distance is of all rows. Both samples count as random: a test
    against the reference as exact would find drift without any.
    """
    names = sorted({*before.levels, *after.levels}) if before.rows and after.rows else []
    counts = np.array([[side.levels.get(name, 0) for name in names] for side in (before, after)], dtype="float64")
    effect, table = _total_variation(pooled(counts)), pooled(counts / worth)
    if table.shape[1] < 2:  # noqa: PLR2004 - one level cannot move, and so few independent rows prove nothing
        return Test("chi-square", 0.0, 1.0, effect)
    found = chi2_contingency(table, correction=False)
    return Test("chi-square", float(found.statistic), float(found.pvalue), effect)


def _total_variation(counts: np.ndarray) -> float:
    """Half the sum of the differences between the shares of two rows of counts, shape (2, levels)."""
    return float(np.abs(np.diff(counts / counts.sum(axis=1, keepdims=True), axis=0)).sum() / 2)


def pooled(table: np.ndarray) -> np.ndarray:
    """A table of shape (2, levels) with the rarest levels combined until each has EXPECTED rows in both samples."""
    if not table.size:
        return table
    totals = table.sum(axis=0)
    table = table[:, np.argsort(totals, kind="stable")]
    expected = np.sort(totals) * table.sum(axis=1).min() / table.sum()
    cut = int((expected < EXPECTED).sum())
    while 0 < cut < len(expected) and expected[:cut].sum() < EXPECTED:
        cut += 1
    return np.column_stack([table[:, :cut].sum(axis=1), table[:, cut:]]) if cut else table


def rise(before: tuple[int, int], after: tuple[int, int], worth: float = 1.0) -> Test:
    """Fisher's exact test for an increase of a share, each side as (rows that count, rows).

    Its effect is the increase.
    """
    (k, n), (j, m) = before, after
    if not n or not m:
        return Test("Fisher", 0.0, 1.0, 0.0)
    counts = [[round(count / worth) for count in side] for side in ((j, m - j), (k, n - k))]
    p = fisher_exact(counts, alternative="greater").pvalue
    return Test("Fisher", j / m - k / n, float(p), j / m - k / n)


def holm(p: Sequence[float]) -> np.ndarray:
    """P values corrected for multiple tests, which controls the family-wise error rate.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    raw = np.asarray(p, dtype="float64")
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    corrected = np.empty(len(raw))
    corrected[order] = np.minimum(stepped, 1)
    return corrected


def gone(before: Levels, after: Levels) -> dict[str, float]:
    """Levels that are not in the window, with their share of the reference."""
    found = {level: count / before.rows for level, count in before.levels.items() if level not in after.levels}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def new(before: Levels, after: Levels) -> Mapping[str, int]:
    """Levels that are not in the reference, with their rows in the window."""
    found = {level: count for level, count in after.levels.items() if level not in before.levels}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def unseen(before: Levels) -> int:
    """The expected number of rows with an unseen level in a sample of the same size: the levels with one row.

    Source: Good, The Population Frequencies of Species and the Estimation of Population Parameters, 1953.
    """
    return sum(count == 1 for count in before.levels.values())
