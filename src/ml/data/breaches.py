"""The rows that break the contract of the features, with reasons: the rules of `/predict` for a table."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ml.data.others import strange
from ml.settings.data import Category, Data, Number


def breaches(frame: pd.DataFrame, data: Data) -> Iterator[tuple[str, pd.Series, str]]:
    """The column, rows and reason of each breach in a table with the contract's types."""
    for name, column in data.columns.items():
        values = frame[name]
        if not column.missing:  # if missing values are allowed, `validate` judges their share
            yield name, values.isna(), "missing"
        match column:
            case Number():
                low = -np.inf if column.min is None else column.min
                high = np.inf if column.max is None else column.max
                yield name, values.notna() & ~values.between(low, high), f"outside {low:g} to {high:g}"
            case Category():
                wrong, why = strange(values, column)
                yield name, wrong, why if column.others else "not a level in the contract"
