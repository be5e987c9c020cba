"""Bootstrap draws, percentile intervals and paired comparisons, the same for every task.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; for rows of entities, Davison and
Hinkley, Bootstrap Methods and their Application, 1997, section 3.8; for a sample that stands for many rows, Kleiner et
al., A scalable bootstrap for massive data, Journal of the Royal Statistical Society B 2014.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from ml.data.design import PLAIN, Design
from ml.tasks.scored import Scored

MOST = 100_000  # rows that replicates are drawn from: more take time and hardly improve an interval
FEWEST_ENTITIES = 50
DIGITS = 6  # digits of every figure in a file, because further digits differ between machines
TINY, NOISE = 1e-3, 1e-12


def weights(
    rows: int, count: int, seed: int = 0, design: Design = PLAIN, times: float | None = None
) -> Iterator[np.ndarray]:
    """How often each row is drawn, in the original order, for each of `count` replicates; shape (rows,).

    If rows belong to entities, entities are drawn with all their rows. `times` is the number of rows of a longer table
    that each row represents: it is then drawn that often on average.
    """
    rng = np.random.default_rng(seed)
    names, entity = (None, None) if design.entity is None else np.unique(design.entity, return_inverse=True)
    drawn = rows if names is None else len(names)
    for _ in range(count):
        found = rng.poisson(times, drawn) if times else np.bincount(rng.integers(0, drawn, drawn), minlength=drawn)
        found = found.astype("float64")
        yield found if entity is None else found[entity]


def chosen(rows: int, design: Design = PLAIN, seed: int = 0) -> np.ndarray | None:
    """About MOST random rows of more, of whole entities, in their order; None if there are no more."""
    if rows <= MOST:
        return None
    rng = np.random.default_rng(seed)
    if design.entity is None:
        return np.sort(rng.choice(rows, MOST, replace=False))
    sizes = np.bincount(design.entity)
    order = rng.permutation(len(sizes))
    taken = np.zeros(len(sizes), dtype=bool)
    taken[order[: max(FEWEST_ENTITIES, int(np.searchsorted(np.cumsum(sizes[order]), MOST)))]] = True
    return np.flatnonzero(taken[design.entity])


def replicated(scored: Scored, count: int, seed: int = 0) -> tuple[Scored, Iterator[np.ndarray]]:
    """The rows on which replicates are measured, and how often each is drawn, in the original order.

    Up to MOST rows these are the rows themselves. Of more, a sample represents all: each of its rows is drawn as often
    as the number of rows that it represents, so replicates vary like those of all rows, around the value of the sample.
    """
    rows = len(scored.label)
    some = chosen(rows, scored.design, seed)
    few = scored if some is None else scored.some(some)
    return few, _replicates(few, rows, count, seed)


def _replicates(few: Scored, rows: int, count: int, seed: int) -> Iterator[np.ndarray]:
    """How often each row of a sample is drawn if it represents so many rows; the sample may be all of them."""
    size = len(few.label)
    return weights(size, count, seed, few.design, rows / size if size < rows else None)


def draws(scored: Scored, names: list[str], count: int, seed: int = 0) -> np.ndarray:
    """These metrics of each usable replicate; shape (replicates, metrics)."""
    few, replicates = replicated(scored, count, seed)
    drawn = (weight[few.order] for weight in replicates)
    found = np.array([read(few.measure(weight), names) for weight in drawn if few.usable(weight)])
    if few is scored:
        return found
    return found + np.subtract(read(scored.measure(), names), read(few.measure(), names))


def advantages(old: Scored, new: Scored, metric: str, count: int, seed: int = 0) -> tuple[float, np.ndarray]:
    """The second side's metric minus the first's, and the same in each usable replicate."""
    value = advantage(old, new, metric, np.ones(len(old.label)))
    rows = len(old.label)
    some = chosen(rows, old.design, seed)
    first, second = (old, new) if some is None else (old.some(some), new.some(some))
    drawn = [weight for weight in _replicates(first, rows, count, seed) if first.usable(weight[first.order])]
    found = np.array([advantage(first, second, metric, weight) for weight in drawn])
    return value, found if some is None else found + value - advantage(first, second, metric, np.ones(len(some)))


def read(figures: Mapping[str, float], names: list[str]) -> list[float]:
    """The metrics with these names."""
    return [figures[name] for name in names]


def intervals(
    scored: Scored, bootstrap: int, confidence: float, seed: int = 0, only: str = ""
) -> dict[str, dict[str, float | None]]:
    """Each metric's value and the ends of its percentile interval; `only` names the one metric to compute."""
    point = scored.measure()
    names = [only] if only else [*point]
    found = draws(scored, names, bootstrap, seed)
    tail = (1 - confidence) / 2
    low, high = np.quantile(found, [tail, 1 - tail], axis=0)
    return {
        name: {"value": kept(point[name]), "low": kept(low[place]), "high": kept(high[place])}
        for place, name in enumerate(names)
    }


def advantage(old: Scored, new: Scored, metric: str, weight: np.ndarray) -> float:
    """The second side's metric minus the first's, with `weight` for each row in the original order."""
    return new.measure(weight[new.order])[metric] - old.measure(weight[old.order])[metric]


def kept(value: float) -> float | None:
    """A figure in a file: six decimals, or six digits if those would be zeros."""
    if np.isnan(value):
        return None
    tiny = NOISE < abs(value) < TINY
    return float(f"{value:.{DIGITS}g}") if tiny else round(float(value), DIGITS)
