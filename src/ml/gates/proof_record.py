"""The record that `make prove` writes, build/prove.json; the report of the same commit shows it."""

from typing import Any, ClassVar

from ml.io.saved import SavedRecord


class ProofRecord(SavedRecord):
    """The planted faults that the gates have caught, and the commit."""

    AGAIN: ClassVar[str] = "Run `make prove` to write it again."

    commit: str | None
    passed: bool
    wrong: list[str]
    rows: list[dict[str, Any]]
