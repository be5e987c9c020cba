"""Messages about faults of a custom estimator."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from ml.data.schema import inputs
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model.estimators import CLASSIFIERS, REGRESSORS
from ml.settings.data import Data
from ml.settings.train import Train
from ml.tasks.choose import task_of

ROWS = 100  # rows that a fitted estimator must predict
CLOSE = 1e-6


def known(params: Train) -> bool:
    """Whether estimator and preprocessing are the template's own: their exceptions are then its faults."""
    return params.model in CLASSIFIERS | REGRESSORS and params.preprocessing == "standard"


def unfit(error: Exception, params: Train) -> Exception:
    """The exception to raise after `fit` has failed."""
    if isinstance(error, UserError) or known(params):
        return error
    return UserError(
        f"{params.model} cannot be fitted: {_said(error)}. See train in params.yaml.{_hint(error, params)}"
    )


def must_answer(model: Pipeline, frame: pd.DataFrame, data: Data, params: Train) -> None:
    """Raise UserError unless a fitted model returns valid predictions for its task."""
    task, rows, fitted = task_of(data), inputs(frame, data), f"{params.model}, once fitted,"
    if (why := _silent(model.steps[-1][1], "predict_proba" if task.decides else "predict")) is not None:
        raise UserError(f"{fitted} gives no probabilities: {why}. Set the parameter that enables them.")
    try:
        found = np.asarray(task.output(model, rows))
    except Exception as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"{fitted} cannot predict {counted(len(rows), 'row')}: {_said(error)}.{_hint(error, params)}"
        ) from None
    shape = (len(rows), len(data.target.classes)) if data.target.classes else (len(rows),)
    if found.shape != shape:
        raise UserError(
            f"{fitted} returns predictions of shape {found.shape} to {counted(len(rows), 'row')}, not {shape}. "
            "Correct the estimator."
        )
    if found.dtype.kind not in "fiu" or not np.isfinite(found).all():
        raise UserError(f"{fitted} returns predictions that are not finite numbers, e.g. {_odd(found)!r}.")
    wrong = task.decides and (found.min() < -CLOSE or found.max() > 1 + CLOSE)
    if wrong or (found.ndim > 1 and np.abs(found.sum(axis=1) - 1).max() > CLOSE):
        raise UserError(
            f"{fitted} returns predictions that are not probabilities: from {found.min():g} to {found.max():g}. "
            "Correct the estimator."
        )


def _silent(estimator: Any, method: str) -> str | None:
    """The reason that an estimator lacks a method that depends on its parameters; None if it has the method."""
    try:
        getattr(estimator, method)
    except AttributeError as error:
        return str(error.__cause__ or error)
    return None


def _odd(found: np.ndarray) -> object:
    values = found.ravel()
    return values[np.argmin(np.isfinite(values))].item() if found.dtype.kind in "fiu" else values[0]


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: " + " ".join(str(error).split("Stack trace")[0].split())[:300].rstrip(".")


def _hint(error: Exception, params: Train) -> str:
    if isinstance(error, NotFittedError):
        return " `fit` must set an attribute whose name ends in `_`, for instance classes_."
    if isinstance(error, KeyError | ValueError) and isinstance(params.parameters().get("class_weight"), dict):
        return (
            " An estimator gets classes as numbers: 1 is the positive class and 0 the other; several classes count "
            "from 0 in the order of data.target.classes."
        )
    if "must be an object implementing" in str(error):
        return " A function in src/features.py can build an estimator from other estimators: docs/features.md."
    standard = params.preprocessing == "standard"
    return (
        "" if standard else " With `train.preprocessing: none` it gets the table itself, with text and missing values."
    )
