"""The data contract: the results of Great Expectations before training."""

from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.io.text import counted


def judge(evidence: Evidence) -> list[Verdict]:
    """One verdict on the critical checks, and one on each other failed check."""
    checks, rows = evidence.validation["checks"], evidence.validation["rows"]
    failed = [c for c in checks if not c["passed"]]
    broken = [c for c in failed if c["severity"] == "critical"]
    reason = "; ".join(f"{c['subject']}: {c['found']}" for c in broken)
    held = len(checks) - len(failed)
    verdict = Verdict(
        gate="data contract",
        passed=not broken and bool(checks),
        reason=reason or f"{held:,} of {counted(len(checks), 'check')} pass for {counted(rows, 'row')}",
        value=float(len(broken)),
        limit="≤ 0",
    )
    return [verdict] + [
        Verdict("data contract", passed=False, reason=f"{c['subject']}: {c['found']}", severity="warning")
        for c in failed
        if c["severity"] == "warning"
    ]
