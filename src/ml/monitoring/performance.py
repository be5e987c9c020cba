"""Performance of a model on the rows whose labels have arrived, compared with its release."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from ml.io.text import between, counted, figure
from ml.model.reference import Reference
from ml.monitoring import live_calibration, live_values
from ml.monitoring.dependence import Way, coarse, groups, of_estimates
from ml.monitoring.live_calibration import CalibrationPart
from ml.settings.metric_names import FEWEST, HIGHER_IS_BETTER
from ml.settings.monitor import Monitor
from ml.tasks import live_labels
from ml.tasks.duel import margin_of
from ml.tasks.live_labels import scored
from ml.tasks.scored import Scored

REPLICATES = 500
FINEST = 0.01  # tail probability below which replicates are too few
WORSE = "worse"


@dataclass(frozen=True)
class Performance:
    """A metric of the labelled rows; figures are None if there are too few labels."""

    outcome: str  # as at release, better, lower (but within the margin), worse, not enough labels
    reason: str
    metric: str
    at_release: float | None  # None if the test rows of the release had one class only
    labelled: int
    coverage: float  # labelled rows / rows
    lag_days: float | None = None  # median, from prediction to label
    value: float | None = None
    low: float | None = None
    high: float | None = None
    change: float | None = None  # difference to the release, negative when worse, with its interval
    change_low: float | None = None
    change_high: float | None = None
    ranking: str = "not enough labels"  # the outcome of the metric alone
    calibration: tuple[CalibrationPart, ...] = ()  # bias and slope; `outcome` is worse when one of them is


def judge(reference: Reference, rows: pd.DataFrame, settings: Monitor, margin: float) -> Performance:
    """The performance on the rows with a `label`, by their `score`.

    Worse: the whole interval of the change lies below -margin, or calibration is worse. The release's metric is itself
    an estimate, so its interval counts too; with both normal, the change has the sum of their variances. A quarter of
    alpha goes to the metric and a quarter to calibration.
    """
    known = _known(rows)
    label, score = (known[name].to_numpy("float64") for name in ("label", "score"))
    blank = _blank(reference, rows, settings, len(known))
    if reference.tested < settings.min_labels or blank.at_release is None or not enough(rows, settings, reference.task):
        return blank
    ways = groups(known, settings.cluster)
    ranked, confidence = scored(reference, label, score), 1 - max(settings.alpha, FINEST)
    now: dict[str, Any] = ranked.intervals(REPLICATES, confidence, only=settings.metric)[settings.metric]
    then = reference.metrics[settings.metric]
    sign = 1 if HIGHER_IS_BETTER[settings.metric] else -1
    margin = margin_of(settings.metric, margin, then["value"])
    change, error = sign * (now["value"] - then["value"]), _error(now, confidence)
    error *= _worth(ranked, settings.metric, ways, error) ** 0.5
    half = float(norm.isf(settings.alpha / 4) * np.hypot(error, _error(then, reference.confidence)))
    ranking = outcome(change - half, change + half, margin)
    parts = _parts(reference, (label, score), ways, settings)
    moved = {"change": change, "change_low": change - half, "change_high": change + half}
    reason = (
        f"{settings.metric} {figure(now['value'])} ({between(now['low'], now['high'])}) on {len(known):,} labelled "
        f"rows is {ranking}: {figure(then['value'])} at release, "
        f"{figure(change, sign=True)} ({between(change - half, change + half, sign=True)}), margin {margin:.4g}"
    )
    bad = any(part.worse for part in parts)
    reason += f"; {live_calibration.told(parts)}" if parts else ""
    found = {"outcome": WORSE if bad else ranking, "ranking": ranking, "calibration": parts, "reason": reason}
    return replace(blank, **found, **now, **moved)


def _parts(
    reference: Reference, pair: tuple[np.ndarray, np.ndarray], ways: list[Way], settings: Monitor
) -> tuple[CalibrationPart, ...]:
    """Calibration of scores, if both classes have enough rows, and of numbers."""
    if live_labels.numeric(reference.task):
        return live_values.judge(reference, pair, ways, settings)
    return live_calibration.judge(reference, pair, ways, settings) if live_labels.both(pair[0], FEWEST) else ()


def enough(rows: pd.DataFrame, settings: Monitor, kind: str) -> bool:
    """Whether enough rows, and enough of each class, have a label to judge the model."""
    label = _known(rows)["label"].to_numpy("float64")
    return len(label) >= settings.min_labels and live_labels.enough(kind, label, FEWEST)


def outcome(low: float, high: float, margin: float) -> str:
    """The outcome that follows from the interval of a change."""
    if high < 0:
        return WORSE if high < -margin else "lower, possibly within the margin"
    return "better" if low > 0 else "as at release"


def _worth(ranked: Scored, metric: str, ways: list[Way], error: float) -> float:
    """The design effect of a metric, from its changes when one group of rows is left out."""
    found = [1.0]
    for way in ways:
        codes = coarse(way)
        sides = [(codes != code)[ranked.order].astype("float64") for code in range(int(codes.max()) + 1)]
        without = np.array([ranked.measure(w)[metric] for w in sides if ranked.usable(w)])
        found.append(of_estimates(without, error**2, runs=way.runs))
    return max(found)


def _known(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["label"].notna() & rows["score"].notna()]


def _blank(reference: Reference, rows: pd.DataFrame, settings: Monitor, labelled: int) -> Performance:
    coverage = labelled / max(1, len(rows))
    lags = rows["lag_days"][rows["label"].notna()].dropna() if "lag_days" in rows else pd.Series(dtype="float64")
    then = reference.metrics.get(settings.metric, {}).get("value")
    reason = (
        f"{labelled:,} of {counted(len(rows), 'row')} have a label ({coverage:.0%}), and the release was tested on "
        f"{reference.tested:,}: {_lack(reference, rows, settings)}, so {settings.metric} is not judged"
    )
    lag = float(lags.median()) if len(lags) else None
    return Performance("not enough labels", reason, settings.metric, then, labelled, coverage, lag)


def _lack(reference: Reference, rows: pd.DataFrame, settings: Monitor) -> str:
    """The count that is too small to judge: test rows of the release, labels, or labels of one class."""
    label = _known(rows)["label"]
    if reference.tested < settings.min_labels or len(label) < settings.min_labels:
        return f"fewer than {settings.min_labels:,} (monitor.min_labels)"
    if enough(rows, settings, reference.task):
        return f"it has no {settings.metric}"
    return f"the labels are of {live_labels.lack(reference.task, label.to_numpy(), FEWEST)}"


def _error(interval: dict[str, float], confidence: float) -> float:
    return (interval["high"] - interval["low"]) / (2 * float(norm.ppf((1 + confidence) / 2)))
