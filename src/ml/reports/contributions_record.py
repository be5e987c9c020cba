"""What `report` keeps: build/contributions.json, so that the same model and rows are not explained twice."""

from typing import ClassVar

from ml.io.saved import SavedRecord


class ContributionsRecord(SavedRecord):
    """The mean size of each column's contribution, and the digests of what it was computed of."""

    AGAIN: ClassVar[str] = "Delete it: `make run` writes it again."

    of: dict[str, str]
    contributions: list[dict[str, str | float]]
