"""Levels that the contract of a column does not list."""

import pandas as pd

from ml.data.words import LONGEST, OTHERS
from ml.settings.data import Category, Data


def strange(values: pd.Series, column: Category) -> tuple[pd.Series, str]:
    """The rows whose level the contract does not allow, and why not; `values` are in its types."""
    if column.others:
        return (values.str.len() > LONGEST).fillna(value=False).astype(bool), f"longer than {LONGEST} characters"
    return values.notna() & ~values.isin(column.values), f"none of {', '.join(column.values)}"


def pooled(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """A table in the contract's types in which all levels that a column allows and does not list are one."""
    pooled = frame.copy(deep=False)
    for name, column in data.columns.items():
        if isinstance(column, Category) and column.others and name in frame:
            pooled[name] = frame[name].where(frame[name].isna() | frame[name].isin(column.values), OTHERS)
    return pooled
