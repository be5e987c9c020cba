"""What `track` remembers: .mlflow/tracked.json, by which the next `track` knows whether the model is in MLflow."""

from typing import ClassVar

from ml.io.saved import SavedRecord


class TrackedRecord(SavedRecord):
    """The last model that was logged, its metrics' digest and where it was logged."""

    AGAIN: ClassVar[str] = "Delete it and run `make run`: the model is then logged again."

    model: str
    metrics: str
    home: str
