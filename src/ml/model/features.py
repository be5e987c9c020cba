"""Preprocessing as a part of the model: fitted once, carried along, so that serving cannot differ from training."""

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ml.data.schema import categories, numbers
from ml.settings.data import Data

MISSING = ""  # no level is empty, so none can be taken for a missing one


def preprocessing(data: Data) -> ColumnTransformer:
    """Unfitted: numbers get the median and unit scale, each level of the contract, and missing, a column of its own.

    A level outside the contract becomes all zeros, so the width of the output never depends on the data.
    """
    filled = {"keep_empty_features": True}  # a column that is never there keeps its place
    number = Pipeline([("impute", SimpleImputer(**filled, strategy="median")), ("scale", StandardScaler())])
    known = [[*data.columns[name].values, MISSING] for name in categories(data)]
    category = Pipeline(
        [
            ("impute", SimpleImputer(**filled, strategy="constant", fill_value=MISSING, missing_values=None)),
            ("encode", OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)),
        ]
    )
    return ColumnTransformer([("number", number, numbers(data)), ("category", category, categories(data))])
