"""The record of `adopt`, build/adopted.json, which distinguishes its own files from files that a person changed."""

from typing import Any, ClassVar

from pydantic import model_validator

from ml.io.saved import SavedRecord


class AdoptedRecord(SavedRecord):
    """The digest of each file that it wrote."""

    AGAIN: ClassVar[str] = "Delete it; `make adopt` then asks you to commit what it would overwrite."

    digests: dict[str, str]

    @model_validator(mode="before")
    @classmethod
    def _older(cls, found: Any) -> Any:
        """A file without a version holds the digests alone."""
        return {"digests": found} if isinstance(found, dict) and "digests" not in found else found
