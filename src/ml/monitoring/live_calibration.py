"""Calibration of the scores in a window, compared with the release.

Scores can be biased while the ranking stays the same: a change that raises every probability does not change ROC AUC.
Bias is the mean score minus the share of positive rows; a slope below 1 means that scores are overconfident.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ml.io.text import between, figure
from ml.model.reference import Reference
from ml.monitoring.dependence import Way, design_effect
from ml.settings.monitor import Monitor
from ml.tasks.calibration_figures import log_odds, measured

PERFECT = {"bias": 0.0, "slope": 1.0}
ONE = float(norm.cdf(1) - norm.cdf(-1))  # the confidence of an interval of one standard error on each side
LOOSE = 2  # factor of the margin if the release has no calibration on record


@dataclass(frozen=True)
class CalibrationPart:
    """Bias or slope, live and at release, with the interval of its change."""

    name: str
    worse: bool
    value: float
    at_release: float
    change: float
    change_low: float
    change_high: float
    margin: float
    means: str = ""  # the consequence if it is worse


def judge(
    reference: Reference, pair: tuple[np.ndarray, np.ndarray], ways: list[Way], settings: Monitor
) -> tuple[CalibrationPart, ...]:
    """Bias and slope of label and score against the release; worse when the whole interval is beyond the margin.

    The margin of the bias is relative to the share of the rarer class, so it also suits rare positives. A release
    without recorded bias and slope counts as well calibrated, with twice the margin.
    """
    label, score = pair
    now, share = measured(label, score, ONE), float(np.clip(score, 0, 1).mean())
    rare, wide = min(share, 1 - share), 1 if "bias" in reference.metrics else LOOSE
    errors = {
        "bias": max(_half(now["bias"]), float(np.sqrt(np.mean(score * (1 - score)).clip(0) / len(score)))),
        "slope": _half(now["slope"]),
    }
    pulls = {"bias": score - label, "slope": _pull(label, score)}
    tails = {"bias": settings.alpha / 16, "slope": settings.alpha / 8}  # a bias counts in both directions
    limits = {"bias": settings.calibration.bias, "slope": settings.calibration.slope}
    margins = {name: limit and limit * wide * (rare if name == "bias" else 1) for name, limit in limits.items()}
    found = []
    for name, margin in margins.items():
        if margin is None:
            continue
        error = errors[name] * design_effect(pulls[name], ways) ** 0.5
        then, doubt = at_release(reference, name, errors[name] * (len(score) / reference.tested) ** 0.5)
        half = float(norm.isf(tails[name]) * np.hypot(error, doubt))
        low, high = now[name]["value"] - then - half, now[name]["value"] - then + half
        worse = high < -margin or (name == "bias" and low > margin)
        change = now[name]["value"] - then
        found.append(
            CalibrationPart(name, worse, now[name]["value"], then, change, low, high, margin, _means(name, change))
        )
    return tuple(found)


def told(parts: tuple[CalibrationPart, ...]) -> str:
    """A sentence on calibration."""
    worse = [part for part in parts if part.worse]
    if not worse:
        return (
            "calibration is as at release (" + ", ".join(f"{p.name} {figure(p.value, sign=True)}" for p in parts) + ")"
        )
    return "; ".join(
        f"calibration is worse: {p.name} {figure(p.value, sign=True)}, {figure(p.at_release, sign=True)} at release, "
        f"{figure(p.change, sign=True)} ({between(p.change_low, p.change_high, sign=True)}), "
        f"margin {figure(p.margin)}: {p.means}"
        for p in worse
    )


def _means(name: str, change: float) -> str:
    return "scores are too extreme" if name == "slope" else f"scores are too {side(change)}"


def side(change: float) -> str:
    """A sentence on the direction of the changed bias."""
    return "low" if change < 0 else "high"


def at_release(reference: Reference, name: str, doubt: float) -> tuple[float, float]:
    """The value at release and its standard error."""
    kept = reference.metrics.get(name)
    if kept is None:
        return PERFECT[name], doubt
    z = float(norm.ppf((1 + reference.confidence) / 2))
    return kept["value"], (kept["high"] - kept["low"]) / (2 * z)


def _pull(label: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The influence of each row on the slope, up to a factor."""
    odds, weight = log_odds(score), np.clip(score * (1 - score), 1e-9, None)
    return (odds - np.average(odds, weights=weight)) * (label - score)


def _half(interval: dict[str, float]) -> float:
    return (interval["high"] - interval["low"]) / 2
