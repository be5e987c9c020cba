"""The delay of detection of a lasting change within a window, and false alarms of dependent rows.

Prints the table of docs/monitoring.md: `python -m lab.calibration.steps`. *Before*: a step within the window counts as
dependence of its rows.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pandas as pd

from ml.io.markdown import table
from ml.model.distributions import of_numbers
from ml.model.reference import Reference
from ml.monitoring import drift
from ml.monitoring.dependence import Way, groups
from ml.settings.monitor import Monitor

WINDOWS, ROWS, DAYS, REMEMBERED = 200, 1000, 30, 0.9
Feed = Callable[[np.random.Generator], np.ndarray]


def moved(share: float) -> Feed:
    """The newest `share` of the rows is one standard deviation higher."""
    return lambda rng: rng.normal(size=ROWS) + (np.arange(ROWS) >= ROWS * (1 - share))


def bunched(rng: np.random.Generator) -> np.ndarray:
    """Ten equal rows follow each other."""
    return rng.normal(size=ROWS // 10).repeat(10)


def by_day(rng: np.random.Generator) -> np.ndarray:
    """Each day has its own mean."""
    day = np.arange(ROWS) * DAYS // ROWS
    return rng.normal(size=ROWS) + 0.3 * rng.normal(size=DAYS)[day]


def wandering(rng: np.random.Generator) -> np.ndarray:
    """Each row is correlated with the previous one."""
    noise = rng.normal(size=ROWS) * (1 - REMEMBERED**2) ** 0.5
    return pd.Series(noise).ewm(alpha=1 - REMEMBERED, adjust=False).mean().to_numpy() / (1 - REMEMBERED)


FEEDS: dict[str, Feed] = {
    "no change: independent rows": moved(0),
    "no change: ten equal consecutive rows": bunched,
    "no change: a mean for each day, ±0.3 deviations": by_day,
    "no change: correlation of 0.9 with the previous row": wandering,
    **{f"the newest {share:.0%} shifted by one deviation": moved(share) for share in (0.3, 0.4, 0.5, 0.7, 1.0)},
}


def flagged(feed: Feed, *, steps: bool) -> float:
    """The share of windows with drift; without `steps` a step counts as dependence."""
    rng = np.random.default_rng(0)
    score = of_numbers(pd.Series(rng.random(9600)))
    release = Reference(
        project="p", rows=9600, columns={"x": of_numbers(pd.Series(rng.normal(size=9600)))}, score=score, tested=2400,
        threshold=0.5, confidence=0.95, metrics={},
    )  # fmt: skip

    def ways(rows: pd.DataFrame, cluster: str) -> list[Way]:
        return [way._replace(runs=way.runs and steps) for way in groups(rows, cluster)]

    with patch("ml.monitoring.drift.groups", ways):
        windows = [pd.DataFrame({"features.x": feed(rng), "score": rng.random(ROWS)}) for _ in range(WINDOWS)]
        return float(np.mean([drift.judge(release, window, Monitor()).verdict == "drift" for window in windows]))


if __name__ == "__main__":
    lines = [[name, *(f"{flagged(feed, steps=steps):.1%}" for steps in (False, True))] for name, feed in FEEDS.items()]
    print(table(["a window of 1,000 rows", "flagged before", "flagged now"], lines))
