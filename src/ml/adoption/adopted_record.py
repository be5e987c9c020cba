"""The record of `adopt`, build/adopted.json, which distinguishes its own files from files that a person changed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import model_validator

from ml.io import files
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

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Self:
        """The record of the files of these that exist."""
        return cls(digests={str(path): files.digest(path) for path in paths if path.exists()})
