"""Levels outside the contract of a column."""

import pandas as pd

from ml.data.texts import length_class
from ml.data.words import OTHERS
from ml.io.text import counted
from ml.settings.data import Category, Data, Text


def strange(values: pd.Series, column: Category) -> tuple[pd.Series, str]:
    """The rows with a level that the contract does not allow, and the reason; `values` have its types."""
    if column.others:
        long = (values.str.len() > column.longest).fillna(value=False).astype(bool)
        return long, f"longer than {counted(column.longest, 'character')}"
    return values.notna() & ~values.isin(column.values), f"none of {', '.join(column.values)}"


def pooled(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """A table with the contract's types in which all allowed levels outside `values` are one level.

    The level of a text is its number of words.
    """
    pooled = frame.copy(deep=False)
    for name, column in data.columns.items():
        if isinstance(column, Text) and name in frame:
            pooled[name] = lengths(frame[name])
        elif isinstance(column, Category) and column.others and name in frame:
            pooled[name] = frame[name].where(frame[name].isna() | frame[name].isin(column.values), OTHERS)
    return pooled


def lengths(texts: pd.Series) -> pd.Series:
    """The number of words of each text as a level, None where it is missing."""
    known = texts.notna()
    found = [length_class(str(text)) if there else None for text, there in zip(texts, known, strict=True)]
    return pd.Series(found, index=texts.index, name=texts.name, dtype=object)
