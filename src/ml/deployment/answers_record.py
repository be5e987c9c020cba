"""The record in an image: rows with their expected predictions."""

from typing import Any, ClassVar

from ml.io.saved import SavedRecord

IN_IMAGE = "/app/recorded.json"


class AnswersRecord(SavedRecord):
    """recorded.json of an image: rows with the outputs that it must give, and the name of their id."""

    AGAIN: ClassVar[str] = "Build the image again: `make image`."

    id: str
    rows: list[dict[str, Any]]
    scores: list[Any]
