"""Changes of a window with known kind and size, like those in real tables."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from lab.calibration.pools import Pool

Shift = Callable[[pd.DataFrame, Pool, np.random.Generator], pd.DataFrame]


def mean(window: pd.DataFrame, pool: Pool, rng: np.random.Generator) -> pd.DataFrame:
    """One number larger by 0.3 of its standard deviation."""
    return window.assign(**{pool.number: window[pool.number] + 0.3 * pool.frame[pool.number].std()})


def scale(window: pd.DataFrame, pool: Pool, rng: np.random.Generator) -> pd.DataFrame:
    """One number times 1.3."""
    return window.assign(**{pool.scaled: window[pool.scaled] * 1.3})


def mix(window: pd.DataFrame, pool: Pool, rng: np.random.Generator) -> pd.DataFrame:
    """One category in which 20 % of the rows change from the most frequent level to the second."""
    first, second = pool.frame[pool.category].value_counts().index[:2]
    share = 0.2 / (pool.frame[pool.category] == first).mean()
    return _put(window, pool.category, second, (window[pool.category] == first) & (rng.random(len(window)) < share))


def three(window: pd.DataFrame, pool: Pool, rng: np.random.Generator) -> pd.DataFrame:
    """The three changes above together."""
    return mix(scale(mean(window, pool, rng), pool, rng), pool, rng)


def gaps(window: pd.DataFrame, pool: Pool, rng: np.random.Generator) -> pd.DataFrame:
    """One number missing in 30 % of the rows that had it."""
    return window.assign(**{pool.scaled: window[pool.scaled].mask(rng.random(len(window)) < 0.3)})


def level(window: pd.DataFrame, pool: Pool, rng: np.random.Generator) -> pd.DataFrame:
    """One category with an untrained level in 10 % of the rows."""
    return _put(window, pool.category, "never seen", rng.random(len(window)) < 0.1)


def labels(window: pd.DataFrame, pool: Pool, rng: np.random.Generator) -> pd.DataFrame:
    """The label changes in one of five rows that the model predicted correctly."""
    return window.assign(label=window["label"].where(rng.random(len(window)) > 0.2, 1 - window["label"]))


SHIFTS: dict[str, Shift] = {
    "mean +0.3 deviations": mean,
    "scale × 1.3": scale,
    "category mix, 20 points": mix,
    "all three shifts": three,
    "30 % missing": gaps,
    "new level, 10 %": level,
    "labels, one in five wrong": labels,
}


def _put(window: pd.DataFrame, column: str, value: str, where: pd.Series | np.ndarray) -> pd.DataFrame:
    return window.assign(**{column: window[column].mask(where, value)})
