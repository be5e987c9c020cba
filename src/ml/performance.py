"""How well a model does on the rows whose labels have arrived, against what it did at its release."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Performance:
    """A metric of the labelled rows; figures are None when too few are labelled."""

    outcome: str  # as at release, better, lower, worse, not enough labels
    reason: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    at_release: float
    change: float | None  # advantage over the release, negative when worse, with its interval
    change_low: float | None
    change_high: float | None
    labelled: int
    coverage: float  # labelled rows / rows
    lag_days: float | None  # median
