"""Whether scores can be read as probabilities: neither too sure of themselves nor too high or too low."""

from dataclasses import replace

import numpy as np

from ml.data.design import design_of
from ml.gates.evidence import Evidence
from ml.gates.limits import bounded
from ml.gates.verdict import Verdict, not_for
from ml.settings.gates import Bound
from ml.settings.section import given
from ml.tasks.calibration import bias, slope
from ml.tasks.metrics import FEWEST, classes, enough

RELATIVE = 0.5  # of the share of the rarer class: the widest limit of the bias


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on the calibration slope (below 1: overconfident) and the bias (above 0: scores too high)."""
    if (kind := evidence.params.data.target.task) != "binary":
        return [not_for("calibration", kind)]
    rule, label, verdicts = given(evidence.params.gates.calibration), evidence.label, []
    if not enough(label):
        reason = f"not judged: {classes(label)}, under {FEWEST} of a class"
        return [Verdict("calibration", passed=False, reason=reason, severity="warning")]
    design = design_of(evidence.test, evidence.params.data)
    if rule.slope:
        found = slope(label, evidence.score, rule.confidence, design)
        verdicts += [_fair(v, rule.slope, 1) for v in bounded("calibration slope", found, len(label), rule.slope)]
    if rule.bias:
        found, bound = bias(label, evidence.score, rule.confidence, design), relative(rule.bias, label)
        verdicts += [_fair(v, bound, 0) for v in bounded("calibration bias", found, len(label), bound)]
    return verdicts


def relative(bound: Bound, label: np.ndarray) -> Bound:
    """The limits of the bias, never wider than a part of the rarer class: where 1 % is positive, 5 points are much."""
    rate = float(label.mean())
    widest = RELATIVE * min(rate, 1 - rate)
    low, high = (limit and float(np.clip(limit, -widest, widest)) for limit in (bound.min, bound.max))
    return bound.model_copy(update={"min": low, "max": high})


def _fair(verdict: Verdict, bound: Bound, perfect: float) -> Verdict:
    """A warning where the value is beyond its limit and perfect calibration is still inside the interval."""
    if verdict.passed or bound.judge == "interval" or verdict.low is None or verdict.high is None:
        return verdict
    if not verdict.low <= perfect <= verdict.high:
        return verdict
    reason = f"{verdict.reason}, but the rows are too few to be sure"
    return replace(verdict, reason=reason, severity="warning")
