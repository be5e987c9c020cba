"""What `monitor` writes: build/monitor.json, which alerts and retraining read."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from ml.io.saved import SavedRecord


class Moved(BaseModel):
    """What one column, or the prediction, shows: its tests, and its distribution at release and now."""

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
    vanished_levels: dict[str, float] = {}
    bins: list[float] | list[str] = []
    before: list[float] = []
    after: list[float] = []


class MonitorRecord(SavedRecord):
    """A verdict on the newest predictions with its numbers; figures that are not known are null."""

    AGAIN: ClassVar[str] = "Run `make monitor` to write it again."

    verdict: Literal["stable", "drift", "degraded", "not enough data"]
    reason: str
    looks: int = 0  # on days in a row that say so
    confirmed: bool = True  # alerts and retraining may follow
    silent: bool = False  # no new predictions come
    simulated: bool = False
    release: str | None = None
    task: str = ""  # of the release
    columns: tuple[Moved, ...] = ()
    prediction: Moved | None = None
    decided: Moved | None = None  # of several classes, how often each was answered
    performance: dict[str, Any] | None = None
    windows: tuple[dict[str, Any], ...] = ()
    collected: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None

    @property
    def moved(self) -> list[Moved]:
        """What drifted: columns, and the predictions where they did."""
        return [c for c in (*self.columns, self.prediction, self.decided) if c is not None and c.drifted]
