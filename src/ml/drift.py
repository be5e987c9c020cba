"""Whether a window of predictions still looks like the rows its model was released on, and what follows from it."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from ml.params import Monitor
from ml.performance import Performance
from ml.reference import Reference

Outcome = Literal["stable", "drift", "degraded", "not enough data"]


@dataclass(frozen=True)
class Column:
    """What one column (or the prediction) shows: the test that speaks loudest, and what moved in words."""

    column: str
    drifted: bool
    reason: str
    test: str
    statistic: float
    p: float  # of the test alone
    holm: float  # corrected for all tests of the window: this one is judged
    effect: float  # KS distance, total variation, or rise of a share: as `test` says
    missing: dict[str, float]  # share before and after
    new_levels: dict[str, int]  # level: rows of the window
    vanished_levels: dict[str, float]  # level: share of training rows


@dataclass(frozen=True)
class Drift:
    """The verdict on a window with its numbers; `dataclasses.asdict` makes it JSON."""

    verdict: Outcome
    reason: str
    rows: int
    columns: tuple[Column, ...]
    prediction: Column | None
    performance: Performance | None


def judge(reference: Reference, window: pd.DataFrame, settings: Monitor, margin: float = 0.0) -> Drift:
    """The verdict on a window of predictions.

    `window` has a column a feature (named `features.x` where `x` is taken), `score`, and when labels are known `label`
    (1 positive, 0 negative, missing where not yet known) and `lag_days` (days from prediction to label). A feature
    that is not there counts as missing in every row. `margin` is the champion gate's: a metric this much lower is as
    good.
    """
    raise NotImplementedError


def margin(params: Any) -> float:
    """The champion gate's margin where it is of the monitored metric, else 0."""
    rule = params.gates.champion
    return rule.margin if rule and rule.metric == params.monitor.metric else 0.0
