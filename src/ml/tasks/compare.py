"""Bootstrap draws, percentile intervals and paired comparisons, the same for every task.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; for rows of entities, Davison and
Hinkley, Bootstrap Methods and their Application, 1997, section 3.8.
"""

from collections.abc import Iterator

import numpy as np

from ml.data.design import PLAIN, Design
from ml.tasks.task import Scored

DIGITS = 6  # of every figure kept in a file: the rest differs between machines


def weights(rows: int, count: int, seed: int = 0, design: Design = PLAIN) -> Iterator[np.ndarray]:
    """How often each row is drawn, in the original order, for each of `count` replicates; shape (rows,).

    Where rows belong to entities, entities are drawn, each with all its rows.
    """
    rng = np.random.default_rng(seed)
    names, entity = (None, None) if design.entity is None else np.unique(design.entity, return_inverse=True)
    drawn = rows if names is None else len(names)
    for _ in range(count):
        found = np.bincount(rng.integers(0, drawn, drawn), minlength=drawn).astype("float64")
        yield found if entity is None else found[entity]


def draws(scored: Scored, count: int, seed: int = 0) -> list[list[float]]:
    """All metrics of each usable replicate."""
    drawn = (weight[scored.order] for weight in weights(len(scored.label), count, seed, scored.design))
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
