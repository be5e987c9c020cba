"""What `make prove` writes: build/prove.json, which the report of the same commit shows."""

from typing import Any, ClassVar

from ml.io.saved import SavedRecord


class ProofRecord(SavedRecord):
    """Which planted faults the gates have caught, on which commit."""

    AGAIN: ClassVar[str] = "Run `make prove` to write it again."

    commit: str | None
    passed: bool
    wrong: list[str]
    rows: list[dict[str, Any]]
