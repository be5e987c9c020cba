"""What late labels say of answers that were given: whether a class was right, or how far off a number was.

Of one of several classes, live rows are judged as right or wrong with the model's confidence as their score, so the
metrics and the calibration of two classes say how well the model does.
"""

import numpy as np
import pandas as pd

from ml.data import schema
from ml.data.words import text
from ml.io.text import counted
from ml.settings.data import Data
from ml.tasks import metrics
from ml.tasks.regression import Rows
from ml.tasks.task import Scored


def outcomes(actual: pd.Series, decided: pd.Series, data: Data) -> pd.Series:
    """The truth that a label tells of the answer beside it; missing where it is no value of the target; float64."""
    if data.target.task == "binary":
        return schema.truth(actual, data)
    if data.target.task == "regression":
        return pd.to_numeric(actual.map(text), errors="coerce").astype("float64")
    known = actual.map(text)
    right = (known == decided.map(text)).astype("float64")
    return right.where(known.isin(data.target.classes))


def scored(kind: str, label: np.ndarray, score: np.ndarray, threshold: float) -> Scored:
    """Live rows, ready to be measured."""
    if kind == "regression":
        return Rows(label, score, float("nan"))
    return metrics.rank(label, score, threshold)


def enough(kind: str, label: np.ndarray, fewest: int) -> bool:
    """Whether the labels suffice: so many of each class, or of right and wrong answers; of numbers twice as many."""
    return len(label) >= 2 * fewest if kind == "regression" else bool(metrics.enough(label, fewest))


def counts(kind: str, label: np.ndarray) -> str:
    """How many labels there are of what."""
    right = int(np.sum(label))
    if kind == "regression":
        return f"{counted(len(label), 'row')}"
    if kind == "multiclass":
        return f"{right:,} right and {len(label) - right:,} wrong answers"
    return metrics.classes(label)
