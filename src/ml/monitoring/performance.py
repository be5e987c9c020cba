"""How well a model does on the rows whose labels have arrived, against what it did at its release."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from ml.live_params import Monitor
from ml.metrics import HIGHER_IS_BETTER, intervals, rank
from ml.reference import Reference
from ml.train_params import Evaluate

FEWEST = 20  # rows of each class
REPLICATES = 500
WORSE = "worse"


@dataclass(frozen=True)
class Performance:
    """A metric of the labelled rows; figures are None when too few are labelled."""

    outcome: str  # as at release, better, lower (but within the margin), worse, not enough labels
    reason: str
    metric: str
    at_release: float
    labelled: int
    coverage: float  # labelled rows / rows
    lag_days: float | None = None  # median, from prediction to label
    value: float | None = None
    low: float | None = None
    high: float | None = None
    change: float | None = None  # against the release, negative when worse, with its interval
    change_low: float | None = None
    change_high: float | None = None


def judge(reference: Reference, rows: pd.DataFrame, settings: Monitor, margin: float) -> Performance:
    """What the rows with a `label` say, by their `score`.

    Worse: the whole interval of the change lies below -margin. The release's metric is itself an estimate, so its
    interval counts too; with both normal, the change has the sum of their variances.
    """
    known = _known(rows)
    label, score = (known[name].to_numpy("float64") for name in ("label", "score"))
    blank = _blank(reference, rows, settings, len(known))
    if reference.tested < settings.min_labels or not enough(rows, settings):
        return blank
    confidence = 1 - settings.alpha
    bootstrap = Evaluate(threshold=reference.threshold, bootstrap=REPLICATES, confidence=confidence)
    now = intervals(rank(label, score, reference.threshold), bootstrap)[settings.metric]
    then = reference.metrics[settings.metric]
    sign = 1 if HIGHER_IS_BETTER[settings.metric] else -1
    change = sign * (now["value"] - then["value"])
    half = float(norm.ppf((1 + confidence) / 2) * np.hypot(_error(now, confidence), _error(then, reference.confidence)))
    found = outcome(change - half, change + half, margin)
    moved = {"change": change, "change_low": change - half, "change_high": change + half}
    reason = (
        f"{settings.metric} {now['value']:.3f} ({now['low']:.3f} to {now['high']:.3f}) on {len(known):,} labelled "
        f"rows is {found}: {then['value']:.3f} at release, "
        f"{change:+.3f} ({change - half:+.3f} to {change + half:+.3f}), margin {margin:g}"
    )
    return replace(blank, outcome=found, reason=reason, **now, **moved)


def enough(rows: pd.DataFrame, settings: Monitor) -> bool:
    """Whether so many rows have a label, and so many of each class, that they say how well a model does."""
    label = _known(rows)["label"]
    return len(label) >= settings.min_labels and min(label.sum(), len(label) - label.sum()) >= FEWEST


def outcome(low: float, high: float, margin: float) -> str:
    """What the interval of a change says."""
    if high < 0:
        return WORSE if high < -margin else "lower, perhaps within the margin"
    return "better" if low > 0 else "as at release"


def _known(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["label"].notna() & rows["score"].notna()]


def _blank(reference: Reference, rows: pd.DataFrame, settings: Monitor, labelled: int) -> Performance:
    coverage = labelled / max(1, len(rows))
    lags = rows["lag_days"][rows["label"].notna()].dropna() if "lag_days" in rows else []
    then = reference.metrics[settings.metric]["value"]
    reason = (
        f"{labelled:,} of {len(rows):,} rows have a label ({coverage:.0%}), and the release was tested on "
        f"{reference.tested:,}: fewer than {settings.min_labels:,}, or than {FEWEST} of a class, so {settings.metric} "
        f"is not judged"
    )
    lag = float(lags.median()) if len(lags) else None
    return Performance("not enough labels", reason, settings.metric, then, labelled, coverage, lag)


def _error(interval: dict[str, float], confidence: float) -> float:
    return (interval["high"] - interval["low"]) / (2 * float(norm.ppf((1 + confidence) / 2)))
