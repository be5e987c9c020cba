"""Levels outside the contract of a column."""

import pandas as pd

from ml.data.words import LONGEST, OTHERS, TOO_LONG
from ml.settings.data import Category, Data


def strange(values: pd.Series, column: Category) -> tuple[pd.Series, str]:
    """The rows with a level that the contract does not allow, and the reason; `values` have its types."""
    if column.others:
        return (values.str.len() > LONGEST).fillna(value=False).astype(bool), TOO_LONG
    return values.notna() & ~values.isin(column.values), f"none of {', '.join(column.values)}"


def pooled(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """A table with the contract's types in which all allowed levels outside `values` are one level."""
    pooled = frame.copy(deep=False)
    for name, column in data.columns.items():
        if isinstance(column, Category) and column.others and name in frame:
            pooled[name] = frame[name].where(frame[name].isna() | frame[name].isin(column.values), OTHERS)
    return pooled
