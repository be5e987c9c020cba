"""The records that `evaluate` writes: build/metrics.json and build/intervals.json, for gates, registry and reports."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from ml.io.saved import SavedRecord


class MetricsRecord(SavedRecord):
    """The known metrics and the number of test rows; flat, in the format of `dvc metrics diff` and `dvc exp show`.

    The first form has no `schema_version` in the file: DVC would show it as a metric.
    """

    rows: int
    metrics: dict[str, float]

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, found: Any) -> Any:
        if not isinstance(found, dict) or "metrics" in found:
            return found
        own = {name: found[name] for name in ("rows", "schema_version") if name in found}
        return own | {"metrics": {name: value for name, value in found.items() if name not in own}}

    def plain(self) -> dict[str, Any]:
        """Rows and metrics in one object."""
        return {"rows": self.rows, **self.metrics}


class Interval(BaseModel):
    """A metric and the ends of its interval, null if the rows do not determine it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None
    high: float | None


class IntervalsRecord(SavedRecord):
    """The interval of each metric."""

    intervals: dict[str, Interval]

    def known(self) -> dict[str, dict[str, Any]]:
        """The intervals as plain objects."""
        return {name: found.model_dump() for name, found in self.intervals.items()}
