"""Settings of monitoring."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ml.settings.metric_names import Metric
from ml.settings.section import Count, Open, Section, Share


def _live(metric: str) -> str:
    if metric == "calibration_error":
        raise ValueError(
            "calibration_error increases with fewer rows, so a small window appears worse than "
            "the release. monitor.calibration checks bias and slope instead; set roc_auc, "
            "brier or log_loss here"
        )
    return metric


class Watched(Section):
    """Minimum relevant changes of calibration; null: not judged."""

    bias: Annotated[float, Field(gt=0)] | None = 0.1
    slope: Annotated[float, Field(gt=0)] | None = 0.2  # of scores
    coverage: Annotated[float, Field(gt=0)] | None = 0.05  # of the intervals of a number


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
    season: bool = False
    consecutive: Count = 7
