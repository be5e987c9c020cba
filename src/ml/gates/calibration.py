"""Whether scores can be read as probabilities: neither too sure of themselves nor too high or too low."""

from ml.calibration import bias, slope
from ml.gates.evidence import Evidence
from ml.gates.limits import bounded
from ml.gates.verdict import Verdict


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on the calibration slope (below 1: overconfident) and the bias (above 0: scores too high)."""
    rule, rows, verdicts = evidence.params.gates.calibration, len(evidence.label), []
    if rule.slope:
        found = slope(evidence.label, evidence.score, rule.confidence)
        verdicts += bounded("calibration slope", found, rows, rule.slope)
    if rule.bias:
        verdicts += bounded("calibration bias", bias(evidence.label, evidence.score, rule.confidence), rows, rule.bias)
    return verdicts
