"""A summary of a table that is small enough for git, for comparison with another table."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import pandas as pd

from ml.data.others import pooled
from ml.data.schema import categories, labels, numbers
from ml.settings.data import Data


class Moments(NamedTuple):
    """The count, mean and standard deviation of numbers."""

    count: int
    mean: float
    std: float

    def plus(self, other: "Moments") -> "Moments":
        """The same of both (Chan, Golub and LeVeque 1983)."""
        if not self.count or not other.count:
            return self if self.count else other
        count, step = self.count + other.count, other.mean - self.mean
        inner = sum(m.std**2 * (m.count - 1) for m in (self, other) if m.count > 1)
        around = inner + step**2 * self.count * other.count / count
        return Moments(count, self.mean + step * other.count / count, (around / (count - 1)) ** 0.5)


@dataclass(frozen=True)
class Summary:
    """Additive statistics of some rows of a table."""

    rows: int
    period: tuple[Any, Any]
    target: Any  # positive rows; rows of each class; or the moments of a number
    numbers: dict[str, Moments]
    levels: dict[str, pd.Series]

    def plus(self, later: "Summary") -> "Summary":
        """The same of these rows and later ones."""
        known = [time for time in (*self.period, *later.period) if not pd.isna(time)]
        return Summary(
            rows=self.rows + later.rows,
            period=(min(known, default=pd.NaT), max(known, default=pd.NaT)),
            target=_sum(self.target, later.target),
            numbers={name: found.plus(later.numbers[name]) for name, found in self.numbers.items()},
            levels={name: _sum(found, later.levels[name]) for name, found in self.levels.items()},
        )


def profile(frame: pd.DataFrame, data: Data) -> dict[str, Any]:
    """Rows, share of positives, period; of each feature the missing share, and mean and deviation or level shares."""
    return of_parts([summary(frame, data)], data)


def of_parts(parts: Iterable[Summary], data: Data) -> dict[str, Any]:
    """The same of a table that comes in parts."""
    found = reduce(Summary.plus, parts)
    columns: dict[str, Any] = {}
    for name, seen in found.numbers.items():
        columns[name] = {"missing": _round((found.rows - seen.count) / found.rows), **_spread(seen)}
    for name, counts in found.levels.items():
        missing = _round((found.rows - counts.sum()) / found.rows)
        columns[name] = {
            "missing": missing,
            "levels": {k: _round(counts[k] / counts.sum()) for k in sorted(counts.index)},
        }
    period = [str(time.date()) for time in found.period] if data.time else None
    return {"rows": found.rows, **_target(found, data), "period": period, "columns": columns}


def summary(frame: pd.DataFrame, data: Data) -> Summary:
    """The summary of rows with the contract's types."""
    time = frame[data.time] if data.time else None
    return Summary(
        rows=len(frame),
        period=(pd.NaT, pd.NaT) if time is None else (time.min(), time.max()),
        target=_labels(frame, data),
        numbers={name: _moments(frame[name]) for name in numbers(data)},
        levels={name: column.value_counts() for name, column in pooled(frame, data)[categories(data)].items()},
    )


def _labels(frame: pd.DataFrame, data: Data) -> Any:
    column = frame[data.target.name]
    if data.target.task == "binary":
        return int(labels(frame, data).sum())
    return column.value_counts() if data.target.task == "multiclass" else _moments(pd.to_numeric(column))


def _target(found: Summary, data: Data) -> dict[str, Any]:
    """The target's summary: the share of positive rows, of each class, or mean and deviation."""
    if data.target.task == "binary":
        return {"positive": _round(found.target / found.rows)}
    if data.target.task == "multiclass":
        total = max(1, found.target.sum())
        return {"classes": {name: _round(found.target.get(name, 0) / total) for name in data.target.classes}}
    return _spread(found.target)


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, pd.Series):
        return one.add(other, fill_value=0)
    return one.plus(other) if isinstance(one, Moments) else one + other


def _moments(column: pd.Series) -> Moments:
    return Moments(int(column.notna().sum()), column.mean(), column.std())


def _spread(seen: Moments) -> dict[str, float | None]:
    return {"mean": _round(seen.mean), "std": _round(seen.std)}


def _round(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 6)
