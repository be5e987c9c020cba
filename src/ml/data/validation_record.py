"""The record that `validate` writes: build/validation.json."""

from collections.abc import Iterable
from dataclasses import dataclass

from ml.io.saved import SavedRecord


@dataclass(frozen=True)
class Check:
    """One expectation and its result."""

    expectation: str
    subject: str
    severity: str
    passed: bool
    found: str
    setting: str = ""  # of params.yaml, which expects it


class ValidationRecord(SavedRecord):
    """The checks of the table; `passed` when no critical one failed."""

    rows: int
    passed: bool
    checks: tuple[Check, ...]

    @property
    def broken(self) -> list[Check]:
        """The critical checks that failed."""
        return blocking(self.checks)


def blocking(checks: Iterable[Check]) -> list[Check]:
    """The failed checks that stop the pipeline."""
    return [check for check in checks if not check.passed and check.severity == "critical"]
