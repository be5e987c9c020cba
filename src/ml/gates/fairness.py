"""Groups of people treated alike: demographic parity and equalised odds.

The ten lines that count are our own and held equal to fairlearn by a test: fairlearn's intervals resample whole
tables (1.2 s for 100 draws of 2,400 rows) and its import takes 2 s; ours is a closed form.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd
from scipy.stats import norm

from ml.data.others import pooled
from ml.gates.evidence import Evidence
from ml.gates.slicing import sliced
from ml.gates.verdict import Verdict, not_for
from ml.io.text import counted
from ml.settings.gates import Fairness
from ml.settings.section import given
from ml.tasks.metrics import FEWEST, enough


@dataclass(frozen=True)
class Difference:
    """By how much a rate is higher in the group `more` than in `fewer`, with its interval."""

    rate: str
    more: str
    fewer: str
    value: float
    low: float
    high: float


def judge(evidence: Evidence) -> list[Verdict]:
    """For each declared column a verdict on either difference, and one on the groups too small to judge."""
    if (kind := evidence.params.data.target.task) != "binary":
        return [not_for("fairness", kind)]
    rule, verdicts = given(evidence.params.gates.fairness), []
    asked = len(rule.columns) * ((rule.demographic_parity is not None) + 2 * (rule.equalised_odds is not None))
    decided, test = evidence.score >= evidence.params.evaluate.threshold, pooled(evidence.test, evidence.params.data)
    for column in rule.columns:
        groups, small = _groups(test[column], evidence.label, rule)
        if len(groups) > 1:
            found = differences(decided, evidence.label, groups, 1 - (1 - rule.confidence) / max(1, asked), FEWEST)
            verdicts += _verdicts(column, found, rule)
        if small or len(groups) < 2:  # noqa: PLR2004 - it takes two to compare
            verdicts.append(_unjudged(column, small, groups, rule))
    return verdicts


def differences(
    decided: np.ndarray, label: np.ndarray, groups: dict[str, np.ndarray], confidence: float, fewest: int = 1
) -> dict[str, list[Difference]]:
    """`demographic_parity` (share decided positive) and `equalised_odds` (true and false positive rate), largest first.

    `decided`, `label` and each mask of `groups` have shape (rows,). Source: Hardt, Price and Srebro, NeurIPS 2016.
    The intervals hold together for all pairs of groups (Bonferroni). A group with under `fewest` rows of a class has no
    rate among them.
    """
    everyone, positive = np.ones(len(label), dtype=bool), label == 1
    parity = _pairs("share decided positive", decided, everyone, groups, confidence)
    large = {
        kind: {n: rows for n, rows in groups.items() if (rows & (label == kind)).sum() >= fewest} for kind in (0, 1)
    }
    true = _pairs("true positive rate", decided, positive, large[1], confidence)
    false = _pairs("false positive rate", decided, ~positive, large[0], confidence)
    return {
        "demographic_parity": sorted(parity, key=lambda d: -d.value),
        "equalised_odds": sorted(true + false, key=lambda d: -d.value),
    }


def _pairs(
    rate: str, decided: np.ndarray, among: np.ndarray, groups: dict[str, np.ndarray], confidence: float
) -> list[Difference]:
    hits = {name: (int((decided & among & rows).sum()), int((among & rows).sum())) for name, rows in groups.items()}
    pairs = list(permutations(hits, 2))
    z = float(norm.ppf(1 - (1 - confidence) / max(1, len(pairs))))  # `pairs` holds each one in both directions
    found = []
    for more, fewer in pairs:
        centre, half = _agresti_caffo(hits[more], hits[fewer], z)
        value = _rate(hits[more]) - _rate(hits[fewer])
        found.append(Difference(rate, more, fewer, value, centre - half, centre + half))
    return found


def _rate(hits: tuple[int, int]) -> float:
    return hits[0] / hits[1]


def _agresti_caffo(one: tuple[int, int], other: tuple[int, int], z: float) -> tuple[float, float]:
    """Centre and half width of the interval of a difference of two shares; Agresti and Caffo, 2000."""
    (p, n), (q, m) = (((hits + 1) / (count + 2), count + 2) for hits, count in (one, other))
    return p - q, z * float(np.sqrt(p * (1 - p) / n + q * (1 - q) / m))


def _groups(column: pd.Series, label: np.ndarray, rule: Fairness) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    large, small = {}, {}
    for level, rows in sliced(column, bins=4):
        if rows.sum() >= rule.min_rows:
            large[level] = rows
        if rows.sum() < rule.min_rows or (rule.equalised_odds is not None and not enough(label[rows])):
            small[level] = int(rows.sum())
    return large, small


def _verdicts(column: str, found: dict[str, list[Difference]], rule: Fairness) -> list[Verdict]:
    """A pair of groups that refuses comes before one that differs more and is too small to be sure."""
    verdicts = []
    for name, gaps in found.items():
        limit = getattr(rule, name)
        if limit is None or not gaps:
            continue
        gap = max(gaps, key=lambda d: (d.value > limit and d.low > 0, d.value))
        beyond, sure = gap.value > limit, gap.low > 0
        doubt = ", but the groups are too small to be sure" if beyond and not sure else ""
        verdicts.append(
            Verdict(
                gate=f"fairness: {column} {name.replace('_', ' ')}",
                passed=not beyond,
                reason=f"{gap.rate} differs by {gap.value:.3f} between {column}={gap.more} and {gap.fewer}: "
                f"{'above' if beyond else 'at or below'} the maximum {limit:g}{doubt} "
                f"(interval {gap.low:+.3f} to {gap.high:+.3f})",
                value=gap.value,
                limit=f"≤ {limit:g}",
                low=gap.low,
                high=gap.high,
                severity="warning" if doubt else "critical",
            )
        )
    return verdicts


def _unjudged(column: str, small: dict[str, int], groups: dict[str, np.ndarray], rule: Fairness) -> Verdict:
    names = ", ".join(f"{column}={level} ({counted(rows, 'row')})" for level, rows in small.items())
    reason = (
        f"too small to judge (under {counted(rule.min_rows, 'row')}, or for equalised odds {FEWEST} of "
        f"a class): {names}"
    )
    if len(groups) < 2:  # noqa: PLR2004 - it takes two to compare
        reason = f"{len(groups)} group of {column} is large enough, so there is nothing to compare. {reason}"
    return Verdict(f"fairness: {column} not judged", passed=False, reason=reason, severity="warning")
