"""The record that `track` writes, .mlflow/tracked.json: the last model in MLflow."""

from typing import ClassVar

from ml.io.saved import SavedRecord


class TrackedRecord(SavedRecord):
    """The last logged model, the digest of its metrics and the server or folder that has it."""

    AGAIN: ClassVar[str] = "Delete it and run `make run`: the model is then logged again."

    model: str
    metrics: str
    home: str
