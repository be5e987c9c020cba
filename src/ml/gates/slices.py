"""Parts of the table judged by themselves: a good average must not hide a group that the model fails."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from ml.gate_params import Slices
from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.metrics import HIGHER_IS_BETTER, measure, rank
from ml.params import Params
from ml.schema import levels

REPLICATES = 200  # enough for a standard error: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 6
MISSING = "missing"


@dataclass(frozen=True)
class Slice:
    """A part of the rows: its metric, how far it is behind all rows, and half the width of the interval of both."""

    column: str
    level: str
    rows: int
    positive: int
    value: float = float("nan")
    gap: float = float("nan")
    half: float = float("nan")

    @property
    def name(self) -> str:
        """E.g. `plan=basic`."""
        return f"{self.column}={self.level}"

    @property
    def judged(self) -> bool:
        """False when it was too small to measure."""
        return not np.isnan(self.value)


def judge(evidence: Evidence) -> list[Verdict]:
    """For each column a verdict on its worst slice, and one that names the slices too small to judge."""
    rule = evidence.params.gates.slices
    columns = list(rule.columns or evidence.params.data.columns)
    found = measured(evidence.test[columns], evidence.label, evidence.score, evidence.params)
    worst = [_worst([s for s in found if s.column == c and s.judged], rule) for c in columns]
    return [verdict for verdict in worst if verdict] + _unjudged([s for s in found if not s.judged], rule)


def measured(frame: pd.DataFrame, label: np.ndarray, score: np.ndarray, params: Params) -> list[Slice]:
    """Every slice of every column of `frame`; the intervals hold together for all of them (Bonferroni).

    The metric of all rows counts as known: it holds the slice's own rows, so the interval errs to the wide side.
    """
    rule = params.gates.slices
    whole = measure(rank(label, score, params.evaluate.threshold))[rule.metric]
    sign = 1 if HIGHER_IS_BETTER[rule.metric] else -1
    parts = [(name, level, rows) for name in frame for level, rows in sliced(frame[name], rule.bins)]
    z = float(norm.ppf(1 - (1 - rule.confidence) / 2 / len(parts)))
    found = []
    for column, level, rows in parts:
        count, positive = int(rows.sum()), int(label[rows].sum())
        if count < rule.min_rows or min(positive, count - positive) < rule.min_class:
            found.append(Slice(column, level, count, positive))
            continue
        ranked = rank(label[rows], score[rows], params.evaluate.threshold)
        value = measure(ranked)[rule.metric]
        rng = np.random.default_rng(0)
        draws = [measure(ranked, rng.multinomial(count, [1 / count] * count))[rule.metric] for _ in range(REPLICATES)]
        found.append(Slice(column, level, count, positive, value, sign * (whole - value), z * float(np.std(draws))))
    return found


def sliced(column: pd.Series, bins: int) -> list[tuple[str, np.ndarray]]:
    """Each level of a column, or bin of about as many rows each, and `missing`, with a mask of shape (rows,)."""
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > bins:
        column = pd.qcut(column, bins, duplicates="drop", precision=2).astype(str).where(column.notna(), None)
    text = levels(column)
    text = text.where(text.notna(), MISSING)
    return [(level, (text == level).to_numpy()) for level in sorted(text.unique())]


def _worst(slices: list[Slice], rule: Slices) -> Verdict | None:
    """The slice that refuses comes before one that is further behind and too small to be sure."""
    if not slices:
        return None
    worst = max(slices, key=lambda s: (_failed(s, rule), s.gap))
    failed, beyond = _failed(worst, rule), worst.gap > rule.max_gap
    doubt = " but the slice is too small to be sure" if beyond and not failed else ""
    behind = f"{abs(worst.gap):.3f} {'behind' if worst.gap >= 0 else 'ahead of'} all rows"
    floor = f", floor {rule.min:g}" if rule.min is not None else ""
    return Verdict(
        gate=f"slices: {worst.column}",
        passed=not (failed or beyond),
        reason=f"worst is {worst.name}: {rule.metric} {worst.value:.3f}, {behind}{doubt} "
        f"(limit {rule.max_gap:g}{floor}, "
        f"interval {worst.gap - worst.half:+.3f} to {worst.gap + worst.half:+.3f}, {worst.rows:,} rows)",
        value=worst.gap,
        limit=f"≤ {rule.max_gap:g}",
        low=worst.gap - worst.half,
        high=worst.gap + worst.half,
        severity="warning" if doubt else "critical",
        evidence=tuple({"slice": s.name, "rows": s.rows, "value": s.value, "gap": s.gap} for s in slices),
    )


def _failed(found: Slice, rule: Slices) -> bool:
    """Beyond the gap allowed and surely behind, or surely below the floor (above it, where lower is better)."""
    if found.gap > rule.max_gap and found.gap - found.half > 0:
        return True
    if rule.min is None:
        return False
    return found.value + found.half < rule.min if HIGHER_IS_BETTER[rule.metric] else found.value - found.half > rule.min


def _unjudged(slices: list[Slice], rule: Slices) -> list[Verdict]:
    if not slices:
        return []
    names = ", ".join(f"{s.name} ({s.rows:,} rows, {s.positive:,} positive)" for s in slices)
    reason = f"too small to judge (under {rule.min_rows} rows, or {rule.min_class} of a class): {names}"
    rows = tuple({"slice": s.name, "rows": s.rows, "value": None, "gap": None} for s in slices)
    return [Verdict("slices not judged", passed=False, reason=reason, severity="warning", evidence=rows)]
