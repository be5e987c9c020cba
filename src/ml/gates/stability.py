"""The share of rows with another decision: an equally good model can decide differently about many people."""

import numpy as np
from scipy.stats import binomtest

from ml.data.design import design_of
from ml.gates.champion import COLD, task_of_champion
from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.io.text import counted
from ml.settings.section import given
from ml.tasks.calibration_figures import bias


def judge(evidence: Evidence) -> list[Verdict]:
    """One verdict on the share of test rows that champion and challenger decide differently."""
    rule, champion = given(evidence.params.gates.stability), evidence.champion
    if champion is None:
        return [Verdict("stability", passed=True, reason=f"cold start: {COLD}")]
    if champion.score is None:
        reason = f"{champion.version} is not compared: {champion.why}"
        return [Verdict("stability", passed=False, reason=reason, severity="warning")]
    task, theirs = evidence.task, task_of_champion(champion.params, evidence.params)
    moved = f" ({rule_moved})" if (rule_moved := task.moved(theirs)) else ""
    flips, rows = task.flips(champion.score, evidence.score, theirs), len(evidence.score)
    share, low, high = _share(flips, evidence)
    passed = share <= rule.max_flips
    doubt = "" if passed or low > rule.max_flips else ", but with too few rows to be significant"
    return [
        Verdict(
            gate="stability",
            passed=passed,
            reason=f"{int(flips.sum()):,} of {counted(rows, 'row')} {task.flipped} against {champion.version}{moved}, "
            f"{share:.1%}: "
            f"{'at or below' if passed else 'above'} the maximum {rule.max_flips:.1%}{doubt} "
            f"(interval {low:.1%} to {high:.1%})",
            value=share,
            limit=f"≤ {rule.max_flips:g}",
            low=low,
            high=high,
            severity="warning" if doubt else "critical",
        )
    ]


def _share(flips: np.ndarray, evidence: Evidence) -> tuple[float, float, float]:
    """The share of rows, with Clopper and Pearson's interval, or over entities and weights if rows have them."""
    design, confidence = design_of(evidence.test, evidence.params.data), evidence.params.evaluate.confidence
    if design.plain:
        ends = binomtest(int(flips.sum()), len(flips)).proportion_ci(confidence)
        return float(flips.mean()), float(ends.low), float(ends.high)
    found = bias(np.zeros(len(flips)), flips * 1.0, confidence, design)
    return found["value"], max(0.0, found["low"]), min(1.0, found["high"])
