"""Pairs of models from the binormal model, with a known true difference."""

from collections import Counter

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from ml.settings.params import Params
from ml.tasks.duel import compare
from ml.tasks.score_rows import rank

POSITIVE = 0.26  # as in the sample data
ALIKE = 0.9  # correlation of the two models' evidence within a class
CHAMPION = {"roc_auc": 0.93, "accuracy": 0.89}
OUTCOMES = ("better", "not worse", "not enough evidence", "worse")


def shares(settings: Params, advantage: float, pairs: int, rows: int) -> dict[str, float]:
    """The share of pairs with each outcome if the challenger's true metric is higher by `advantage`."""
    metric = settings.gates.champion.metric
    apart = [separation(metric, CHAMPION[metric] + extra) for extra in (0.0, advantage)]
    found = Counter()
    for seed in range(pairs):
        label, old, new = pair(apart, rows, np.random.default_rng(seed))
        sides = [rank(label, score, settings.evaluate.threshold) for score in (old, new)]
        found[compare(*sides, settings.gates.champion, seed).outcome] += 1
    return {outcome: found[outcome] / pairs for outcome in OUTCOMES}


def separation(metric: str, value: float) -> float:
    """The distance between the classes of the binormal model, in deviations, at which the true metric is `value`."""
    return brentq(lambda d: truth(metric, d) - value, 0.1, 10)


def truth(metric: str, apart: float) -> float:
    """ROC AUC of the binormal model, or its accuracy with a threshold of 0.5 on the posterior probability."""
    if metric == "roc_auc":
        return norm.cdf(apart / np.sqrt(2))
    cut = apart / 2 - np.log(POSITIVE / (1 - POSITIVE)) / apart
    return POSITIVE * norm.cdf(apart - cut) + (1 - POSITIVE) * norm.cdf(cut)


def pair(apart: list[float], rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and the posterior probabilities of both models; arrays of shape (rows,)."""
    label = (rng.random(rows) < POSITIVE).astype("int8")
    noise = rng.multivariate_normal([0, 0], [[1, ALIKE], [ALIKE, 1]], size=rows)
    prior = np.log(POSITIVE / (1 - POSITIVE))
    odds = [d * (noise[:, i] + d * label) - d * d / 2 + prior for i, d in enumerate(apart)]
    return label, *(1 / (1 + np.exp(-o)) for o in odds)
