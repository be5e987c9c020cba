"""Settings of deployment."""

from typing import Annotated, Literal

from pydantic import Field

from ml.settings.section import Count, Section, Share, Strings


class Deploy(Section):
    """The steps of a deployment and the limits that roll it back."""

    steps: Annotated[tuple[Share, ...], Field(strict=False, min_length=1)] = (0.05, 0.25, 0.5, 1.0)
    seconds: Annotated[float, Field(gt=0)] = 60
    ready_seconds: Annotated[float, Field(gt=0)] = 60
    min_requests: Count = 50
    unjudged: Literal["warn", "refuse"] = "warn"
    max_errors: Share = 0.01
    max_latency: Annotated[float, Field(ge=1)] = 2.0
    latency_floor_ms: Annotated[float, Field(ge=0)] = 10
    max_score_shift: Share = 0.2
    ports: dict[str, Annotated[int, Field(ge=1, le=65_535)]] = Field(
        default_factory=lambda: {"staging": 8001, "production": 8000}
    )
    compose: Strings = ("postgres", "ship", "monitor", "prometheus", "grafana")
