"""Rows drawn from the contract, for property tests."""

import pandas as pd
from hypothesis import strategies as st

from ml.settings.data import Data, Number


def tables(data: Data, max_size: int = 20) -> st.SearchStrategy[pd.DataFrame]:
    """Tables of features that meet the contract: every limit, level and permitted missing value occurs."""
    row = st.fixed_dictionaries({name: value(column) for name, column in data.columns.items()})
    return st.lists(row, min_size=1, max_size=max_size).map(lambda rows: pd.DataFrame(rows, columns=[*data.columns]))


def value(column) -> st.SearchStrategy:
    """One allowed value of a column, or None if it may be missing."""
    if isinstance(column, Number):
        allowed = st.floats(column.min, column.max, allow_nan=False, allow_infinity=False)
    else:
        allowed = st.sampled_from(column.values)
    return st.one_of(st.none(), allowed) if column.missing else allowed
