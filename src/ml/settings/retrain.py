"""Settings of retraining."""

from typing import Annotated, Literal

from pydantic import Field

from ml.settings.section import Count, Section, Share


class Retrain(Section):
    """The rows of a retraining, their limits, and the minimum time between proposals."""

    policy: Literal["append", "window"] = "append"
    window_months: Count = 12
    min_rows: Count = 500
    max_quarantined: Share = 0.05
    cooldown_days: Annotated[int, Field(ge=0)] = 7
    base: str = "main"
