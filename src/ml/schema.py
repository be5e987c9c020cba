"""The data contract applied to a table: which columns, which types, and what is wrong with them."""

import pandas as pd

from ml.errors import UserError
from ml.params import Category, Data, Number


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
    return [data.id, *([data.time] if data.time else []), data.target.name, *data.columns]


def conform(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The table in the contract's types: numbers float64, levels object with None where missing, time datetime64.

    Columns outside the contract are dropped. Raises UserError with every column that is missing or cannot be read.
    """
    problems = [f"{name}: column is missing" for name in required(data) if name not in frame]
    present = [name for name in required(data) if name in frame]
    typed = {name: _typed(frame[name], name, data) for name in present}
    problems += [_unreadable(frame[name], column, name, data) for name, column in typed.items()]
    problems = [problem for problem in problems if problem]
    if problems:
        extra = sorted(set(map(str, frame.columns)) - set(required(data)))
        also = f"\nColumns not in the contract: {', '.join(extra[:10])}." if extra else ""
        raise UserError(broken(data, problems) + also)
    return pd.DataFrame(typed, copy=False)


def inputs(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The features as the model takes them: float64 numbers, then object levels; shape (rows, features)."""
    columns = {name: frame[name].astype("float64") for name in numbers(data)}
    columns |= {name: levels(frame[name]) for name in categories(data)}
    return pd.DataFrame(columns, copy=False)


def identified(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Who and when: the id and, where there is one, the time of each row."""
    return frame[[data.id, *([data.time] if data.time else [])]]


def broken(data: Data, problems: list[str]) -> str:
    """The message for a table that breaks its contract, one problem a line, with what to do next."""
    lines = "\n".join(f"  {problem}" for problem in problems)
    return f"{data.file} breaks its contract:\n{lines}\nFix the rows, or change the contract in params.yaml: data."


def labels(frame: pd.DataFrame, data: Data) -> pd.Series:
    """The target as int8: 1 where positive, 0 elsewhere; shape (rows,)."""
    return positive(frame[data.target.name], data).astype("int8")


def positive(column: pd.Series, data: Data) -> pd.Series:
    """True where the target has its positive value; text `True`, `1` and the like count as they read."""
    return column.map(_text) == _text(data.target.positive)


def levels(column: pd.Series) -> pd.Series:
    """A column of levels as text, None where missing: 2, 2.0 and "2" are one level."""
    if not pd.api.types.is_string_dtype(column.dtype):
        column = column.map(_text, na_action="ignore")
    column = column.astype(object)
    return column.where(column.notna(), None)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _typed(column: pd.Series, name: str, data: Data) -> pd.Series:
    if name == data.time:
        return pd.to_datetime(column, errors="coerce", utc=False)
    match data.columns.get(name):
        case Number():
            return pd.to_numeric(column, errors="coerce").astype("float64")
        case Category():
            return levels(column)
    return column


def _unreadable(raw: pd.Series, typed: pd.Series, name: str, data: Data) -> str:
    wrong = raw.notna() & typed.isna()
    if not wrong.any():
        return ""
    kind = "a date" if name == data.time else "a number"
    row = int(wrong.to_numpy().argmax())
    return f"{name}: {wrong.sum():,} of {len(raw):,} rows are not {kind}, e.g. {raw.iloc[row]!r} at row {row + 1}"
