"""Settings of what happens after training: card, prediction log, monitoring, retraining, alerts, scan, deployment."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ml.settings.gates import Metric
from ml.settings.section import Count, Open, Section, Share, Strings


def _live(metric: str) -> str:
    if metric == "calibration_error":
        raise ValueError(
            "calibration_error grows as rows get fewer, so a small window looks worse than the release without being "
            "it. monitor.calibration watches bias and slope instead; name roc_auc, brier or log_loss here"
        )
    return metric


class Card(Section):
    """What the model card says in people's words."""

    purpose: str = "Not stated yet: set card.purpose in params.yaml."
    not_for: str = "Anything but the purpose above."
    limits: str = "The model knows what its training rows showed; the gates below say how it did on other rows."
    contact: str = "Whoever owns this repository."


class Log(Section):
    """How served predictions are remembered; `PREDICTION_LOG` names another directory, or the place to ship to."""

    directory: str = "logs"
    fsync: Literal["none", "batch", "always"] = "none"
    fsync_ms: Annotated[int, Field(ge=1, le=60_000)] = 50
    segment_mb: Annotated[float, Field(gt=0)] = 64
    segment_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300
    unavailable: Literal["refuse", "count"] = "refuse"
    keep_segments_days: Annotated[float, Field(ge=0)] = 7
    keep_days: Count | None = None


class Score(Section):
    """How `make score` works through a table, and how many broken rows stop it."""

    rows: Count = 50_000
    max_quarantined: Share = 0.05


class Retrain(Section):
    """Which rows a retraining takes, what must be true of them, and how often it may propose a model."""

    policy: Literal["append", "window"] = "append"
    window_months: Count = 12
    min_rows: Count = 500
    max_quarantined: Share = 0.05
    cooldown_days: Annotated[int, Field(ge=0)] = 7
    base: str = "main"


class Alert(Section):
    """When silence is trouble."""

    workflow: str = "monitor.yml"
    silent_days: Annotated[float, Field(gt=0)] = 3


class Watched(Section):
    """Smaller changes of calibration do not matter; null: not judged."""

    bias: Annotated[float, Field(gt=0)] | None = 0.1
    slope: Annotated[float, Field(gt=0)] | None = 0.2


class Monitor(Section):
    """When a window of predictions has drifted or its model has become worse."""

    min_rows: Count = 500
    alpha: Open = 0.05
    effect: Share = 0.1
    missing_rise: Share = 0.05
    source: str = ""
    window_days: Annotated[float, Field(gt=0)] = 30
    window_rows: Count = 50_000
    metric: Annotated[Metric, AfterValidator(_live)] = "roc_auc"
    min_labels: Annotated[int, Field(ge=40)] = 200
    label_days: Annotated[float, Field(ge=0)] | None = None
    calibration: Watched = Watched()
    cluster: str = ""
    consecutive: Count = 7


class Accepted(Section):
    """A known vulnerability that may be shipped for a while, and why."""

    until: date
    reason: Annotated[str, Field(min_length=10)]


class Scan(Section):
    """Vulnerabilities that `make scan` lets pass, by their id."""

    accept: dict[str, Accepted] = Field(default_factory=dict)


class Deploy(Section):
    """How an image takes over from the one that serves, and what sends it back."""

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
