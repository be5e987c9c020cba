"""The data contract applied to a table: columns, types and breaches."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ml.data.cells import Typed
from ml.data.values import typed
from ml.io.errors import UserError
from ml.settings.data import Category, Data, Number, as_text

SHOWN_SETTINGS = 3


class ContractError(UserError):
    """A table breaks its contract: `problems` holds a column and a sentence for each breach."""

    def __init__(
        self,
        data: Data,
        problems: list[tuple[str, str]],
        unknown: list[str] | None = None,
        settings: list[str] | None = None,
    ) -> None:
        self.problems = problems
        lines = "\n".join(f"  {column}: {found}" for column, found in problems)
        also = f"\nColumns outside the contract: {', '.join(unknown[:10])}." if unknown else ""
        remedy = f"Fix the rows, or change {_places(settings or ['data'])} in params.yaml."
        super().__init__(f"{data.file} breaks its contract:\n{lines}{also}\n{remedy}")


def _places(settings: list[str]) -> str:
    """The settings as text; if they are many, the section of the columns."""
    if len(settings) > SHOWN_SETTINGS:
        settings = [*dict.fromkeys("data.columns" if s.startswith("data.columns.") else s for s in settings)]
    return " and ".join([", ".join(settings[:-1]), settings[-1]] if settings[:-1] else settings)


def numbers(data: Data) -> list[str]:
    """Names of the numeric features, in the order of the contract."""
    return [name for name, column in data.columns.items() if isinstance(column, Number)]


def categories(data: Data) -> list[str]:
    """Names of the categorical features, in the order of the contract."""
    return [name for name, column in data.columns.items() if isinstance(column, Category)]


def features(data: Data) -> list[str]:
    """Names of all features, numbers first: the column order of every model input."""
    return numbers(data) + categories(data)


def required(data: Data) -> list[str]:
    """Names of all columns that a labelled table must have."""
    return [data.id, *filter(None, [data.time, data.group, data.weight]), data.target.name, *data.columns]


def conform(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The table in the contract's types: ids and labels text, numbers float64, levels object, time UTC without a zone.

    Columns outside the contract are dropped. Raises ContractError with every column that is missing or cannot be read.
    """
    return read(frame, data).frame


def read(frame: pd.DataFrame, data: Data) -> Typed:
    """The same, with a sentence for each conversion of values."""
    names = required(data)
    found = typed(frame, data, [name for name in names if name in frame])
    problems = [(name, "column is missing") for name in names if name not in frame]
    problems += [(wrong.column, wrong.sentence(frame[wrong.column])) for wrong in found.wrong]
    if problems:
        extra = sorted(set(map(str, frame.columns)) - set(names))
        raise ContractError(data, problems, extra)
    return found


def inputs(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The features as the model takes them: float64 numbers, then object levels; shape (rows, features)."""
    columns = {name: frame[name].astype("float64") for name in numbers(data)}
    columns |= {name: levels(frame[name]) for name in categories(data)}
    return pd.DataFrame(columns, copy=False)


def with_columns(frame: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """The frame with these columns added; unlike pandas' `assign` it accepts any name, also `self`."""
    changed = frame.copy(deep=False)
    for name, values in columns.items():
        changed[name] = values
    return changed


def identified(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The id and, if configured, the time of each row."""
    return frame[[data.id, *([data.time] if data.time else [])]]


def levels(column: pd.Series) -> pd.Series:
    """A column of levels as text, None where missing: 2, 2.0 and "2" are one level."""
    if isinstance(column.dtype, pd.StringDtype):
        return each_word(column, str)
    column = column.map(as_text, na_action="ignore").astype(object)
    return column.where(column.notna(), None)


def each_word(column: pd.Series, said: Callable[[Any], Any]) -> pd.Series:
    """The result of `said` for each value, None where missing; for text it is called once for each distinct word.

    Equal words are one object, so a long column of levels takes eight bytes a row.
    """
    if not isinstance(column.dtype, pd.StringDtype):
        return column.map(said)
    codes, words = pd.factorize(column)
    found = np.array([*map(said, words), None], dtype=object)
    return pd.Series(found[codes], index=column.index, name=column.name, dtype=object)
