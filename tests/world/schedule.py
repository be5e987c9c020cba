"""The dates and sizes of the changes in the sample world."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

FIRST_YEAR = 2025


@dataclass(frozen=True)
class Drift:
    """A setting of the world that moves from `before` to `after` in equal monthly steps from month `start` on."""

    before: float
    after: float
    start: int
    steps: int = 1


SCHEDULE = {
    "price": Drift(before=1.0, after=1.3, start=15, steps=3),
    "ads": Drift(before=0.25, after=0.50, start=15, steps=3),
    "two_year": Drift(before=-5.0, after=3.0, start=18, steps=3),
    "discount": Drift(before=-6.0, after=6.0, start=18, steps=3),
    "unanswered": Drift(before=0.12, after=0.45, start=21),
    "watch": Drift(before=0.0, after=0.10, start=24),
}


def setting(name: str, month: int | np.ndarray) -> float | np.ndarray:
    """Return the value of a setting of `SCHEDULE` in a month, or in each of an array of months."""
    drift = SCHEDULE[name]
    done = np.clip((month - drift.start + 1) / drift.steps, 0, 1)
    return drift.before + done * (drift.after - drift.before)


def month_of(frame: pd.DataFrame) -> np.ndarray:
    """Return the number of the month of each row."""
    snapshot = pd.to_datetime(frame["snapshot"]).dt
    return ((snapshot.year - FIRST_YEAR) * 12 + snapshot.month).to_numpy()
