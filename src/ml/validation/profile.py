"""A summary of a table that is small enough for git, for comparison with another table."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pandas as pd

from ml.data.moments import Moments, moments, rounded, spread
from ml.data.others import pooled
from ml.data.schema import categories, numbers
from ml.settings.data import Data
from ml.tasks.target_column import column_of


@dataclass(frozen=True)
class Summary:
    """Additive statistics of some rows of a table."""

    rows: int
    period: tuple[Any, Any]
    target: Any  # as in ml.tasks.target_column
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
    """Rows, the target's summary, period; per feature the missing share, and mean and deviation or level shares."""
    return of_parts([summary(frame, data)], data)


def of_parts(parts: Iterable[Summary], data: Data) -> dict[str, Any]:
    """The same for a table in parts."""
    found = reduce(Summary.plus, parts)
    columns: dict[str, Any] = {}
    for name, seen in found.numbers.items():
        columns[name] = {"missing": rounded((found.rows - seen.count) / found.rows), **spread(seen)}
    for name, counts in found.levels.items():
        missing = rounded((found.rows - counts.sum()) / found.rows)
        columns[name] = {
            "missing": missing,
            "levels": {k: rounded(counts[k] / counts.sum()) for k in sorted(counts.index)},
        }
    period = [str(time.date()) for time in found.period] if data.time else None
    return {
        "rows": found.rows,
        **column_of(data).summary(found.target, found.rows),
        "period": period,
        "columns": columns,
    }


def summary(frame: pd.DataFrame, data: Data) -> Summary:
    """The summary of rows with the contract's types."""
    time = frame[data.time] if data.time else None
    return Summary(
        rows=len(frame),
        period=(pd.NaT, pd.NaT) if time is None else (time.min(), time.max()),
        target=column_of(data).summed(frame[data.target.name]),
        numbers={name: moments(frame[name]) for name in numbers(data)},
        levels={name: column.value_counts() for name, column in pooled(frame, data)[categories(data)].items()},
    )


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, pd.Series):
        return one.add(other, fill_value=0)
    return one.plus(other) if isinstance(one, Moments) else one + other
