"""Whether the model predicts all classes: with a rare class, a model that always predicts no passes most gates."""

from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.tasks.choose import task_of


def judge(evidence: Evidence) -> list[Verdict]:
    """A warning if almost no test rows get one of the decisions, or if almost all predicted numbers are equal."""
    params = evidence.params
    found = task_of(params.data).spread(evidence.label, evidence.score, params.evaluate.threshold)
    return [Verdict("decisions", passed=found.passed, reason=found.reason, value=found.value, severity="warning")]
