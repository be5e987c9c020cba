"""Rows on which the functions of src/features.py are tried, in several forms."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.data.schema import inputs
from ml.model.columns import Columns
from ml.model.features import of_frame
from ml.settings.data import Category, Data, Number

ROWS = 100  # rows that are computed one by one
UNKNOWN = "a value that nobody listed"


@dataclass(frozen=True)
class Views:
    """The same rows as a table, as a table with its columns in the opposite order, and one by one."""

    whole: Columns
    turned: Columns
    singles: list[Columns]

    def add(self, made: dict[str, np.ndarray], rows: list[dict[str, np.ndarray]]) -> None:
        """Add made columns, which later functions may read."""
        for columns, found in zip([self.whole, self.turned, *self.singles], [made, made, *rows], strict=True):
            for name, values in found.items():
                columns.add(name, values)


def views_of(frame: pd.DataFrame, data: Data) -> Views:
    """Sample rows of a table in each form."""
    table = _sample(frame, data)
    singles = [of_frame(table.iloc[[row]]) for row in range(len(table))]
    return Views(of_frame(table), of_frame(table[table.columns[::-1]]), singles)


def _sample(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Sample rows in the model's types; the first also at the limits of the contract, and with missing values.

    Each level of the contract is in one of the rows, and a level outside it where the contract allows others.
    """
    table = inputs(frame.sample(min(ROWS, len(frame)), random_state=0), data)
    most = max((len(known) for known in _levels(data).values()), default=0)
    ends = [table.head(1).copy() for _ in range(3 + min(ROWS, most))]
    for name, column in data.columns.items():
        if isinstance(column, Number):
            for end, limit in zip(ends, (column.min, column.max), strict=False):
                end[name] = end[name] if limit is None else float(limit)
        if column.missing:
            ends[2][name] = np.nan if isinstance(column, Number) else None
    for name, known in _levels(data).items():
        for place, end in enumerate(ends[3:]):
            end[name] = known[place % len(known)]
    return pd.concat([table, *(end.astype(table.dtypes) for end in ends)], ignore_index=True)


def _levels(data: Data) -> dict[str, tuple[str, ...]]:
    """The levels of each category, and an unknown one where the contract allows others."""
    known = {name: column for name, column in data.columns.items() if isinstance(column, Category)}
    return {n: (*column.values, *[UNKNOWN] * column.others) for n, column in known.items()}  # noqa: PD011
