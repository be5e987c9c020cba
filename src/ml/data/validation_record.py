"""What `validate` writes: build/validation.json."""

from pydantic import BaseModel

from ml.io.saved import SavedRecord


class Checked(BaseModel):
    """One check of the contract and what it found."""

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
    checks: tuple[Checked, ...]

    @property
    def broken(self) -> list[Checked]:
        """The critical checks that failed."""
        return [check for check in self.checks if not check.passed and check.severity == "critical"]
