"""The record of `adopt`, build/adopted.json, which distinguishes its own files from files that a person changed."""

from collections.abc import Iterable
from hashlib import md5
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from ml.io import files
from ml.io.saved import SavedRecord


class AdoptedRecord(SavedRecord):
    """The digest of each file that `adopt` wrote or began to write; empty if unknown."""

    AGAIN: ClassVar[str] = "Delete it; `make adopt` then asks you to commit what it would overwrite."

    digests: dict[str, str]
    begun: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _older(cls, found: Any) -> Any:
        """A file without a version holds the digests alone."""
        return {"digests": found} if isinstance(found, dict) and "digests" not in found else found

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Self:
        """The record of the files of these that exist."""
        return cls(digests={str(path): files.digest(path) for path in paths if path.exists()})

    @classmethod
    def beginning(cls, paths: Iterable[Path], texts: dict[Path, str]) -> Self:
        """The record before all of these files are written, with the known texts, for a repeat after a kill."""
        begun = dict.fromkeys(map(str, paths), "")
        begun |= {str(path): md5(text.encode(), usedforsecurity=False).hexdigest() for path, text in texts.items()}
        return cls.of(paths).model_copy(update={"begun": begun})

    def wrote(self, path: Path) -> bool:
        """Whether `adopt` wrote this content, or began to write it."""
        found, begun = files.digest(path), self.begun.get(str(path))
        return begun in {"", found} or self.digests.get(str(path)) == found
