"""The comparison of two models on the same rows, for gates, retraining and monitoring."""

from dataclasses import dataclass

import numpy as np

from ml.settings.gates import Champion
from ml.settings.metric_names import HIGHER_IS_BETTER, IN_UNITS
from ml.tasks.resampling import advantages
from ml.tasks.scored import Scored


@dataclass(frozen=True)
class Comparison:
    """The challenger's advantage over the champion, positive if it is better, and the outcome."""

    outcome: str
    value: float
    low: float
    high: float
    margin: float = 0.0  # in units of the metric


def compare(old: Scored, new: Scored, rule: Champion, seed: int = 0) -> Comparison:
    """The outcome of a paired bootstrap: both models are measured on each resample of the same rows.

    better: the whole interval is above 0. not worse: it is above -margin. worse: it is below 0, and reaches below
    -margin. not enough evidence: anything else. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
    chapter 13 (percentile interval); for the margin, Piaggio et al., JAMA 2012 (non-inferiority).
    """
    sign = 1 if HIGHER_IS_BETTER[rule.metric] else -1
    value, draws = advantages(old, new, rule.metric, rule.bootstrap, seed)
    value, draws = sign * value, sign * draws
    tail = (1 - rule.confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    margin = margin_of(rule.metric, rule.margin, old.measure()[rule.metric])
    return Comparison(outcome(low, high, margin), float(value), float(low), float(high), margin)


def margin_of(metric: str, margin: float, value: float) -> float:
    """The margin in units of the metric: for an error in the target's own unit, a share of the old model's `value`.

    So a setting has the same meaning for a price in euros or in cents, and for a concentration in moles.
    """
    return margin * abs(value) if metric in IN_UNITS else margin


def outcome(low: float, high: float, margin: float) -> str:
    """The outcome for an interval of the advantage."""
    if low > 0:
        return "better"
    if low >= -margin:
        return "not worse"
    return "worse" if high < 0 else "not enough evidence"
