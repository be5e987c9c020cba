"""The data contract applied to a table: which columns, which types, and what is wrong with them."""

import pandas as pd

from ml.data_params import Category, Data, Number, as_text
from ml.errors import UserError

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
        lines = "\n".join(f"  {column}: {text}" for column, text in problems)
        also = f"\nColumns that the contract does not name: {', '.join(unknown[:10])}." if unknown else ""
        remedy = f"Fix the rows, or change {_places(settings or ['data'])} in params.yaml."
        super().__init__(f"{data.file} breaks its contract:\n{lines}{also}\n{remedy}")


def _places(settings: list[str]) -> str:
    """The settings in words, where they are many the section of the columns instead of each."""
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
    return [data.id, *([data.time] if data.time else []), data.target.name, *data.columns]


def conform(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The table in the contract's types: numbers float64, levels object with None where missing, time datetime64.

    Columns outside the contract are dropped. Raises ContractError with every column that is missing or cannot be read.
    """
    problems = [(name, "column is missing") for name in required(data) if name not in frame]
    typed = {name: _typed(frame[name], name, data) for name in required(data) if name in frame}
    found = {name: _unreadable(frame[name], column, name == data.time) for name, column in typed.items()}
    problems += [(name, text) for name, text in found.items() if text]
    if problems:
        extra = sorted(set(map(str, frame.columns)) - set(required(data)))
        raise ContractError(data, problems, extra)
    return pd.DataFrame(typed, copy=False)


def inputs(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The features as the model takes them: float64 numbers, then object levels; shape (rows, features)."""
    columns = {name: frame[name].astype("float64") for name in numbers(data)}
    columns |= {name: levels(frame[name]) for name in categories(data)}
    return pd.DataFrame(columns, copy=False)


def identified(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Who and when: the id and, where there is one, the time of each row."""
    return frame[[data.id, *([data.time] if data.time else [])]]


def labels(frame: pd.DataFrame, data: Data) -> pd.Series:
    """The target as int8: 1 where positive, 0 elsewhere; shape (rows,)."""
    return positive(frame[data.target.name], data).astype("int8")


def positive(column: pd.Series, data: Data) -> pd.Series:
    """True where the target has its positive value; text `True`, `1` and the like count as they read."""
    return column.map(as_text) == as_text(data.target.positive)


def others(column: pd.Series, data: Data) -> pd.Series:
    """How often each value but the positive one occurs, most frequent first; a second one would pass for negative."""
    return levels(column[column.notna() & ~positive(column, data)]).value_counts()


def levels(column: pd.Series) -> pd.Series:
    """A column of levels as text, None where missing: 2, 2.0 and "2" are one level."""
    if not isinstance(column.dtype, pd.StringDtype):
        column = column.map(as_text, na_action="ignore")
    column = column.astype(object)
    return column.where(column.notna(), None)


def _typed(column: pd.Series, name: str, data: Data) -> pd.Series:
    if name == data.time:
        return pd.to_datetime(column, errors="coerce", utc=False)
    match data.columns.get(name):
        case Number():
            return pd.to_numeric(column, errors="coerce").astype("float64")
        case Category():
            return levels(column)
    return column


def _unreadable(raw: pd.Series, typed: pd.Series, is_time: bool) -> str:
    wrong = raw.notna() & typed.isna()
    if not wrong.any():
        return ""
    row = int(wrong.to_numpy().argmax())
    kind = "a date" if is_time else "a number"
    return f"{wrong.sum():,} of {len(raw):,} rows are not {kind}, e.g. {raw.iloc[row]!r} at row {row + 1:,}"
