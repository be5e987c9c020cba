"""The verdict of a gate."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Verdict:
    """The result of one gate: `value` against `limit`, and a reason that a person can act on."""

    gate: str
    passed: bool
    reason: str
    value: float | None = None
    limit: str = ""
    low: float | None = None
    high: float | None = None
    severity: Literal["critical", "warning"] = "critical"  # a failed `warning` is only reported
    outcome: str = ""  # of the champion gate: better, not worse, worse, not enough evidence, no champion
    evidence: tuple[dict[str, Any], ...] = ()  # the rows behind the reason: every slice, every counter-example


def refused(verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts that refuse the model."""
    return [v for v in verdicts if not v.passed and v.severity == "critical"]


def warned(verdicts: list[Verdict]) -> list[Verdict]:
    """The warnings: verdicts that refuse nothing."""
    return [v for v in verdicts if not v.passed and v.severity == "warning"]
