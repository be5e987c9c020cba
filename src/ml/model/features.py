"""Preprocessing as a part of the model: fitted once and stored with it, so that serving cannot differ from training."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from ml.data.schema import numbers, with_columns
from ml.model import columns, feature_code
from ml.model.word_columns import hashed
from ml.settings import feature_source as declared
from ml.settings.data import Category, Data, Text

FOLDS = 5  # of the training rows: a row is encoded by the target of the other folds
WORDS = "words"  # the name of the part that encodes texts
LEVEL_MEANS = "target"  # the name of the part that encodes levels by means of the target
MISSING = ""  # stands for a missing value, because no level is empty


class Made(TransformerMixin, BaseEstimator):
    """The first step of a model whose src/features.py makes columns: adds them to the table. Holds the file's text."""

    def __init__(self, source: str = "") -> None:
        self.source = source

    def fit(self, frame: pd.DataFrame, _: Any = None) -> Self:
        """Store the names of the input columns."""
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        return self

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The table with the columns that the functions make."""
        return with_made(frame, self.source)


class Words(TransformerMixin, BaseEstimator):
    """The encoder of texts: frequencies of hashed words, `sizes[n]` numbers for the n-th text. It learns nothing."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes

    def fit(self, frame: pd.DataFrame, _: Any = None) -> Self:
        """Store the names of the input columns."""
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        return self

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """The frequencies; shape (rows, sum of sizes)."""
        found, end = np.zeros((len(frame), sum(self.sizes))), 0
        for name, size in zip(frame, self.sizes, strict=True):
            start, end = end, end + size
            for row, text in enumerate(frame[name]):
                found[row, start:end] = hashed(text, size)
        return found


def with_made(frame: pd.DataFrame, source: str, kept: pd.DataFrame | None = None) -> pd.DataFrame:
    """A table in the contract's types with the columns that this text of src/features.py makes.

    Columns in `kept` keep their values in the table, and later functions read these values.
    """
    given = of_frame(frame[[]] if kept is None else kept)
    return with_columns(frame, feature_code.made(source, of_frame(frame), given))


def of_frame(frame: pd.DataFrame) -> columns.Columns:
    """The columns of a table in the form that the functions of src/features.py receive."""

    def read(name: str) -> np.ndarray:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            return column.to_numpy("float64", na_value=np.nan, copy=True)
        return column.astype(object).where(column.notna(), None).to_numpy(copy=True)

    return columns.Columns([*map(str, frame.columns)], read)


def preprocessing(data: Data, source: str = "", seed: int = 0) -> ColumnTransformer:
    """The unfitted preprocessing: numbers are imputed by the median and scaled; each level, and missing, gets a column.

    A number that may be missing by the contract also gets an indicator column. A level outside the contract becomes all
    zeros. So the width of the output does not depend on the data. A column with `encoding: target` becomes the smoothed
    mean of the target for each level (for several classes: the share of each class), cross-fitted on the training rows
    (ml.model.level_folds keeps entities together); a level that was not trained on gets the mean of all rows
    (Micci-Barreca, A preprocessing scheme for high-cardinality categorical attributes, 2001). A text becomes the
    frequencies of its hashed words, and whether it is missing.
    """
    filled = {"keep_empty_features": True}  # keeps a column without values
    made = declared.made(source)
    named = numbers(data) + [name for name, known in made.items() if known is None]
    categories = {name: c for name, c in data.columns.items() if isinstance(c, Category)}
    means = level_means(data)
    level = {name: column.values for name, column in categories.items() if column.encoding == "levels"}  # noqa: PD011 - of the contract
    level |= {name: known for name, known in made.items() if known is not None}
    number = Pipeline([("impute", SimpleImputer(**filled, strategy="median")), ("scale", StandardScaler())])
    known = [[*values, MISSING] for values in level.values()]
    blank = SimpleImputer(**filled, strategy="constant", fill_value=MISSING, missing_values=None)
    encode = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)
    category = Pipeline([("impute", blank), ("encode", encode)])
    gaps = [name for name in numbers(data) if data.columns[name].missing]
    flags = [("missing", Pipeline([("flag", MissingIndicator(features="all"))]), gaps)] if gaps else []
    encoded = [(LEVEL_MEANS, _means(data, blank, seed), means)] if means else []
    texts = {name: 1 + column.words for name, column in categories.items() if isinstance(column, Text)}
    bags = [(WORDS, Pipeline([("hash", Words([*texts.values()]))]), [*texts])] if texts else []
    return ColumnTransformer([("number", number, named), ("category", category, [*level]), *flags, *encoded, *bags])


def level_means(data: Data) -> list[str]:
    """The columns that become means of the target."""
    return [n for n, column in data.columns.items() if isinstance(column, Category) and column.encoding == "target"]


def _means(data: Data, blank: SimpleImputer, seed: int) -> Pipeline:
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    encode = TargetEncoder(target_type="continuous" if data.target.numeric else "auto", cv=folds)
    return Pipeline([("impute", blank), ("means", encode), ("scale", StandardScaler())])
