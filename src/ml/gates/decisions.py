"""Whether the model predicts all classes: with a rare class, a model that always predicts no passes most gates."""

from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict


def judge(evidence: Evidence) -> list[Verdict]:
    """A warning if almost no test rows get one of the decisions, or if almost all predicted numbers are equal."""
    found = evidence.task.spread(evidence.label, evidence.score)
    return [Verdict("decisions", passed=found.passed, reason=found.reason, value=found.value, severity="warning")]
