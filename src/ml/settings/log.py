"""Settings of the prediction log."""

from typing import Annotated, Literal

from pydantic import Field

from ml.settings.section import Count, Section


class Log(Section):
    """The storage of served predictions; `PREDICTION_LOG` sets another directory or the target for shipping."""

    directory: str = "logs"
    fsync: Literal["none", "batch", "always"] = "none"
    fsync_ms: Annotated[int, Field(ge=1, le=60_000)] = 50
    segment_mb: Annotated[float, Field(gt=0)] = 64
    segment_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300
    unavailable: Literal["refuse", "count"] = "refuse"
    keep_segments_days: Annotated[float, Field(ge=0)] = 7
    keep_days: Count | None = None
