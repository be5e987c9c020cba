"""Records about an image for other commands: the built image, and the result of its test."""

from typing import ClassVar

from ml.deployment.api_checks import ApiCheck
from ml.io.saved import SavedRecord


class ImageRecord(SavedRecord):
    """build/image.json: the last built image."""

    AGAIN: ClassVar[str] = "Run `make image` to write it again."

    image: str  # name and tag
    id: str  # digest of its content on this machine
    digest: str | None  # name@sha256:… once it was pushed
    version: int | None  # of the model in the registry
    model: str
    revision: str
    size: int


class SmokeRecord(SavedRecord):
    """build/smoke.json: the result of `make smoke` for an image, named by its id."""

    AGAIN: ClassVar[str] = "Run `make smoke` to write it again."

    image: str
    passed: bool
    checks: tuple[ApiCheck, ...]
