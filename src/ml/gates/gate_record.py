"""What `gate` writes: build/verdict.json, which report, registry and retraining read."""

from ml.gates.verdict import Verdict
from ml.io.saved import SavedRecord


class GateRecord(SavedRecord):
    """The verdicts on one model; `champion` is how it compares with the digest in `against`, the champion then."""

    model: str
    passed: bool
    champion: str = ""
    against: str | None = None
    off: tuple[str, ...] = ()  # gates that are switched off
    verdicts: tuple[Verdict, ...]

    @property
    def refusals(self) -> list[Verdict]:
        """The verdicts that refuse the model."""
        return [v for v in self.verdicts if not v.passed and v.severity == "critical"]
