"""Bootstrap draws, percentile intervals and paired comparisons, the same for every task.

Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
"""

from collections.abc import Iterator

import numpy as np

from ml.tasks.task import Scored

DIGITS = 6  # of every figure kept in a file: the rest differs between machines


def weights(rows: int, count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """How often each row is drawn, in the original order, for each of `count` replicates; shape (rows,)."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield np.bincount(rng.integers(0, rows, rows), minlength=rows).astype("float64")


def draws(scored: Scored, count: int, seed: int = 0) -> list[list[float]]:
    """All metrics of each usable replicate."""
    drawn = (weight[scored.order] for weight in weights(len(scored.label), count, seed))
    return [list(scored.measure(weight).values()) for weight in drawn if scored.usable(weight)]


def intervals(scored: Scored, bootstrap: int, confidence: float, seed: int = 0) -> dict[str, dict[str, float | None]]:
    """Each metric's value and the ends of its percentile interval."""
    point, found = scored.measure(), np.array(draws(scored, bootstrap, seed))
    tail = (1 - confidence) / 2
    low, high = np.quantile(found, [tail, 1 - tail], axis=0)
    return {
        name: {"value": kept(value), "low": kept(low[place]), "high": kept(high[place])}
        for place, (name, value) in enumerate(point.items())
    }


def advantage(old: Scored, new: Scored, metric: str, weight: np.ndarray) -> float:
    """The second side's metric less the first's, each row (in the original order) counted as `weight` says."""
    return new.measure(weight[new.order])[metric] - old.measure(weight[old.order])[metric]


def kept(value: float) -> float | None:
    """A figure as files hold it."""
    return None if np.isnan(value) else round(float(value), DIGITS)
