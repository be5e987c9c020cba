"""Preprocessing as a part of the model: fitted once, carried along, so that serving cannot differ from training."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ml.data.schema import numbers, with_columns
from ml.model import columns, feature_code
from ml.settings import features as declared
from ml.settings.data import Category, Data

MISSING = ""  # no level is empty, so none can be taken for a missing one


class Made(TransformerMixin, BaseEstimator):
    """The first step of a model whose src/features.py makes columns: adds them to the table. Holds the file's text."""

    def __init__(self, source: str = "") -> None:
        self.source = source

    def fit(self, frame: pd.DataFrame, _: Any = None) -> Self:
        """Learns nothing: remembers the names of the columns that it takes."""
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        return self

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The table with the columns that the functions make."""
        return with_made(frame, self.source)


def with_made(frame: pd.DataFrame, source: str, kept: pd.DataFrame | None = None) -> pd.DataFrame:
    """A table in the contract's types with the columns that this text of src/features.py makes.

    Columns of `kept` are taken as they stand there, and what is made of them follows.
    """
    given = of_frame(frame[[]] if kept is None else kept)
    return with_columns(frame, feature_code.made(source, of_frame(frame), given))


def of_frame(frame: pd.DataFrame) -> columns.Columns:
    """The columns of a table as the functions of src/features.py get them."""

    def read(name: str) -> np.ndarray:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            return column.to_numpy("float64", na_value=np.nan, copy=True)
        return column.astype(object).where(column.notna(), None).to_numpy(copy=True)

    return columns.Columns([*map(str, frame.columns)], read)


def preprocessing(data: Data, source: str = "") -> ColumnTransformer:
    """Unfitted: numbers get the median and unit scale, each level of the contract, and missing, a column of its own.

    A number that the contract lets be missing also gets a column that says whether it was: a gap may tell something.
    A level outside the contract becomes all zeros. So the width of the output never depends on the data.
    """
    filled = {"keep_empty_features": True}  # a column that is never there keeps its place
    made = declared.made(source)
    named = numbers(data) + [name for name, known in made.items() if known is None]
    level = {name: c.values for name, c in data.columns.items() if isinstance(c, Category)}  # noqa: PD011 - of the contract
    level |= {name: known for name, known in made.items() if known is not None}
    number = Pipeline([("impute", SimpleImputer(**filled, strategy="median")), ("scale", StandardScaler())])
    known = [[*values, MISSING] for values in level.values()]
    category = Pipeline(
        [
            ("impute", SimpleImputer(**filled, strategy="constant", fill_value=MISSING, missing_values=None)),
            ("encode", OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)),
        ]
    )
    gaps = [name for name in numbers(data) if data.columns[name].missing]
    flags = [("missing", Pipeline([("flag", MissingIndicator(features="all"))]), gaps)] if gaps else []
    return ColumnTransformer([("number", number, named), ("category", category, [*level]), *flags])
