"""What `adopt` remembers: build/adopted.json, by which it knows its own files from those somebody has changed."""

from typing import ClassVar

from ml.io.saved import SavedRecord


class AdoptedRecord(SavedRecord):
    """The digest of each file that it wrote."""

    AGAIN: ClassVar[str] = "Delete it; `make adopt` then asks you to commit what it would overwrite."

    digests: dict[str, str]
