"""The record that `gate` writes, build/verdict.json; report, registry and retraining read it."""

from ml.gates.verdict import Verdict
from ml.io.saved import SavedRecord


class GateRecord(SavedRecord):
    """The verdicts on one model; `champion` is the comparison with the then champion, of digest `against`."""

    model: str
    passed: bool
    champion: str = ""
    against: str | None = None
    off: tuple[str, ...] = ()  # disabled gates
    verdicts: tuple[Verdict, ...]

    @property
    def refusals(self) -> list[Verdict]:
        """The verdicts that refuse the model."""
        return [v for v in self.verdicts if not v.passed and v.severity == "critical"]
