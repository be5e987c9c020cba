"""The record that `monitor` writes, build/monitor.json, which alerts and retraining read."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from ml.io.saved import SavedRecord


class Moved(BaseModel):
    """The result for one column or for the prediction: its tests, and its distribution at release and now."""

    column: str
    drifted: bool
    reason: str = ""
    test: str = ""
    effect: float | None = None
    statistic: float | None = None
    p: float | None = None
    holm: float | None = None
    missing: dict[str, float] = {}
    new_levels: dict[str, int] = {}
    bins: list[float] | list[str] = []
    before: list[float] = []
    after: list[float] = []


class MonitorRecord(SavedRecord):
    """A verdict on the newest predictions with its numbers; unknown figures are null."""

    AGAIN: ClassVar[str] = "Run `make monitor` to write it again."

    verdict: Literal["stable", "drift", "degraded", "not enough data"]
    reason: str
    looks: int = 0  # successive days with this verdict
    confirmed: bool = True  # alerts and retraining may follow
    silent: bool = False  # no new predictions arrive
    simulated: bool = False
    release: str | None = None
    task: str = ""  # of the release
    weight: str | None = None  # the column of weights, which no live figure uses
    columns: tuple[Moved, ...] = ()
    prediction: Moved | None = None
    decided: Moved | None = None  # counts of predicted classes, with several classes
    performance: dict[str, Any] | None = None
    windows: tuple[dict[str, Any], ...] = ()
    collected: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None

    @property
    def moved(self) -> list[Moved]:
        """The names of what drifted: columns, and the predictions if they drifted."""
        return [c for c in (*self.columns, self.prediction, self.decided) if c is not None and c.drifted]
