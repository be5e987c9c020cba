"""Calibration of the model's output: probabilities, or numbers and their intervals."""

from dataclasses import replace

import numpy as np

from ml.data.design import design_of
from ml.gates.evidence import Evidence
from ml.gates.limits import bounded
from ml.gates.verdict import Verdict
from ml.settings.gates import Bound
from ml.settings.metric_names import FEWEST
from ml.settings.section import given
from ml.tasks.calibration_figures import CalibrationFigure


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on slope (below 1: overconfident), bias (above 0: too high) and the coverage of intervals.

    Of several classes, each is judged against the rest, and the worst one is named.
    """
    rule, label, task = given(evidence.params.gates.calibration), evidence.label, evidence.task
    if not task.enough(label, FEWEST):
        reason = f"not judged: {task.counts(label)} ({task.too_few(2 * FEWEST, FEWEST)})"
        return [Verdict("calibration", passed=False, reason=reason, severity="warning")]
    design, verdicts = design_of(evidence.test, evidence.params.data), []
    figures = task.calibrated(label, evidence.score, rule.confidence, design)
    for name in ("slope", "bias", "coverage"):
        bound, own = getattr(rule, name), [figure for figure in figures if figure.name == name]
        if bound and own:
            sides = zip(*(_judged(figure, bound, len(label)) for figure in own), strict=True)
            verdicts += [max(side, key=_harm) for side in sides]
    return verdicts


def _judged(figure: CalibrationFigure, bound: Bound, rows: int) -> list[Verdict]:
    """A verdict for each limit of one figure."""
    whose = f" of {figure.of} against the rest" if figure.of else ""
    bound = narrowed(bound, figure.widest)
    found = [_fair(v, bound, figure.perfect) for v in bounded(f"calibration {figure.name}", figure.found, rows, bound)]
    return [replace(v, reason=v.reason.replace(v.gate, v.gate + whose, 1)) for v in found]


def narrowed(bound: Bound, widest: float) -> Bound:
    """The limits, never wider than that."""
    low, high = (limit and float(np.clip(limit, -widest, widest)) for limit in (bound.min, bound.max))
    return bound.model_copy(update={"min": low, "max": high})


def _harm(verdict: Verdict) -> tuple[bool, bool, float]:
    """Refusals come before doubtful figures, and these before passes; then by the value itself."""
    beyond = float(verdict.limit[2:]) - (verdict.value or 0.0)
    beyond = beyond if verdict.limit.startswith("≥") else -beyond
    return not verdict.passed and verdict.severity == "critical", not verdict.passed, beyond


def _fair(verdict: Verdict, bound: Bound, perfect: float) -> Verdict:
    """A warning if the value exceeds its limit but perfect calibration is within the interval."""
    if verdict.passed or bound.judge == "interval" or verdict.low is None or verdict.high is None:
        return verdict
    if not verdict.low <= perfect <= verdict.high:
        return verdict
    reason = f"{verdict.reason}, but with too few rows to be significant"
    return replace(verdict, reason=reason, severity="warning")
