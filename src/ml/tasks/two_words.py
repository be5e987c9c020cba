"""The two values of a target, and which one is positive: in tables, in late labels and in fresh rows."""

import pandas as pd

from ml.data.schema import each_word
from ml.data.words import TRUTHS, key, text
from ml.settings.data import Data


def labels(frame: pd.DataFrame, data: Data) -> pd.Series:
    """The target as int8: 1 where positive, 0 elsewhere; shape (rows,)."""
    return positive(frame[data.target.name], data).astype("int8")


def positive(column: pd.Series, data: Data) -> pd.Series:
    """True where the target has its positive value; text such as `true` and `1.0` counts as the value."""
    return each_word(column, text) == key(data.target.positive)


def truth(column: pd.Series, data: Data) -> pd.Series:
    """Late labels as numbers: 1 positive, 0 negative, missing if not a value of the target; shape (rows,), float64.

    true and false, as in responses of `/predict`, always count. Besides the positive value the most frequent one is the
    negative; a third has no meaning, and neither has any text if the target itself is true or false.
    """
    words, yes = column.map(text), key(data.target.positive)
    if yes in TRUTHS.values():
        return (words == yes).astype("float64").where(words.isin(TRUTHS.values()))
    rest = words[words.notna() & ~words.isin([yes, *TRUTHS.values()])].value_counts().index[:1]
    return words.isin([yes, "True"]).astype("float64").where(words.isin([yes, "True", "False", *rest]))


def known_labels(column: pd.Series) -> list[str]:
    """The labels of a table, as text."""
    return sorted({key(value) for value in column.dropna().unique()})


def worded(column: pd.Series, known: list[str], data: Data) -> pd.Series:
    """Labels as text; true and false, as in responses of `/predict`, become the table's own values if it has others."""
    labels, positive_word = column.map(text), key(data.target.positive)
    rest = [word for word in known if word != positive_word]
    if not {*TRUTHS.values()}.isdisjoint(known):
        return labels
    words = {"True": positive_word} | ({"False": rest[0]} if len(rest) == 1 else {})
    return labels.replace(words)


def others(column: pd.Series, data: Data) -> pd.Series:
    """The counts of all values except the positive one, most frequent first; a second one would count as negative."""
    return column[column.notna() & ~positive(column, data)].map(key).value_counts()
