"""Settings of retraining."""

from typing import Annotated, Literal

from pydantic import Field

from ml.settings.section import Count, Section, Share


class Retrain(Section):
    """Which rows a retraining takes, what must be true of them, and how often it may propose a model."""

    policy: Literal["append", "window"] = "append"
    window_months: Count = 12
    min_rows: Count = 500
    max_quarantined: Share = 0.05
    cooldown_days: Annotated[int, Field(ge=0)] = 7
    base: str = "main"
