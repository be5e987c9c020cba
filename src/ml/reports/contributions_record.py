"""The record that `report` writes, build/contributions.json: contributions that need no second computation."""

from typing import ClassVar

from ml.io.saved import SavedRecord


class ContributionsRecord(SavedRecord):
    """The mean absolute contribution of each column, and the digests of model and rows."""

    AGAIN: ClassVar[str] = "Delete it: `make run` writes it again."

    of: dict[str, str]
    contributions: list[dict[str, str | float]]
