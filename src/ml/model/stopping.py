"""Early stopping of boosting on held-back training rows."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.section import given as setting
from ml.settings.train import Train

TOO_FEW = "params.yaml: train.early_stopping: the rows held back lack a class. Raise train.held_back."
BUILT_IN = "hist_gradient_boosting"  # holds back its own rows


def fit(model: Pipeline, x: pd.DataFrame, y: np.ndarray, held: np.ndarray, params: Train, **given: Any) -> None:
    """Fit in place on the rows outside `held` (bool, shape (rows,)), and stop by the loss on the rows in `held`.

    `given` holds the further arguments of the pipeline's fit, arrays of shape (rows,). Raises UserError for an
    estimator without boosting.
    """
    rounds = setting(params.early_stopping)
    if params.model == BUILT_IN:
        if not _divides(y, params.held_back):
            raise UserError(TOO_FEW)
        stops = {"early_stopping": True, "n_iter_no_change": rounds, "validation_fraction": params.held_back}
        model.set_params(**{f"estimator__{name}": value for name, value in stops.items()})
        model.fit(x, y, **given)
        return
    if params.library not in ARGUMENTS:
        raise UserError(
            f"params.yaml: train.early_stopping ends boosting: {BUILT_IN}, LightGBM, XGBoost and CatBoost. "
            f"{params.model} does not support it: remove it."
        )
    if len(np.unique(y[held])) != len(np.unique(y)) and hasattr(model.named_steps["estimator"], "predict_proba"):
        raise UserError(TOO_FEW)
    if (share := int(held.sum())) in {0, len(held)}:
        raise UserError(
            f"params.yaml: train.held_back is {params.held_back:g}, which holds back {share:,} of "
            f"{counted(len(held), 'training row')} for train.early_stopping. {'Lower' if share else 'Raise'} it."
        )
    prepared, estimator = model[:-1], model.named_steps["estimator"]
    fitted = prepared.fit_transform(x[~held], y[~held])  # which cross-fits the means of levels
    if params.library == "xgboost":
        estimator.set_params(early_stopping_rounds=rounds)
    own = {name.removeprefix("estimator__"): values[~held] for name, values in given.items()}
    judged = [(prepared.transform(x[held]), y[held])]
    estimator.fit(fitted, y[~held], eval_set=judged, **own, **ARGUMENTS[params.library](rounds))


def _divides(y: np.ndarray, share: float) -> bool:
    """Whether scikit-learn can hold back a share of the rows with each class on both sides."""
    counts = np.unique(y, return_counts=True)[1] if y.dtype.kind in "iub" else np.array([2])
    rows = int(np.ceil(len(y) * share))
    return bool(counts.min() > 1 and len(counts) <= min(rows, len(y) - rows))


def fitted(held: np.ndarray, params: Train) -> np.ndarray:
    """The rows on which the preprocessing is fitted: those outside `held`, or all; bool, shape (rows,)."""
    return np.ones(len(held), dtype=bool) if params.model == BUILT_IN else ~held


def _of_lightgbm(rounds: int) -> dict[str, Any]:
    import lightgbm  # noqa: PLC0415

    return {"callbacks": [lightgbm.early_stopping(rounds, verbose=False)]}


ARGUMENTS = {
    "lightgbm": _of_lightgbm,
    "xgboost": lambda _: {"verbose": False},
    "catboost": lambda rounds: {"early_stopping_rounds": rounds},
}
