"""The count, mean and standard deviation of numbers, of a whole table or combined from its parts."""

from typing import NamedTuple

import pandas as pd


class Moments(NamedTuple):
    """The count, mean and standard deviation of numbers."""

    count: int
    mean: float
    std: float

    def plus(self, other: "Moments") -> "Moments":
        """The moments of both together (Chan, Golub and LeVeque 1983)."""
        if not self.count or not other.count:
            return self if self.count else other
        count, step = self.count + other.count, other.mean - self.mean
        inner = sum(m.std**2 * (m.count - 1) for m in (self, other) if m.count > 1)
        around = inner + step**2 * self.count * other.count / count
        return Moments(count, self.mean + step * other.count / count, (around / (count - 1)) ** 0.5)


def moments(column: pd.Series) -> Moments:
    """The moments of the present numbers."""
    return Moments(int(column.notna().sum()), column.mean(), column.std())


def spread(seen: Moments) -> dict[str, float | None]:
    """Mean and standard deviation, in the form of a profile."""
    return {"mean": rounded(seen.mean), "std": rounded(seen.std)}


def rounded(value: float) -> float | None:
    """Six decimals; None for a missing number."""
    return None if pd.isna(value) else round(float(value), 6)
