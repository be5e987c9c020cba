"""The compiled form of the model: preprocessing as plain numbers, the estimator in ONNX or as coefficients.

It computes in float64 in the same order as scikit-learn, so that scores and labels stay the same. Parts that this
module does not support have no compiled form: scikit-learn then serves the model.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import ModelProto
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from ml.model import compiled_boosters
from ml.model.boosters import Booster, ValueBooster
from ml.model.calibration import Calibrated
from ml.model.compiled_preprocessing import prepared
from ml.model.compiled_trees import Boosting, Forest, baseline, boosting, forest
from ml.model.estimates import ESTIMATOR
from ml.model.predictor import FORM

Converted = tuple[dict[str, Any], ModelProto | None]  # the description of an estimator, and its trees


def compiled(model: Pipeline) -> dict[str, bytes]:
    """The files of the compiled form by name; the same model gives the same bytes.

    Raises ValueError that names an unsupported part.
    """
    form, (*more, estimator) = prepared(model)
    curves = estimator.curves if isinstance(estimator, Calibrated) else ()
    estimator = estimator.estimator if isinstance(estimator, Calibrated) else estimator
    convert = ESTIMATORS.get(type(estimator))  # a subclass may compute something else
    if more:
        raise ValueError(f"its steps are {', '.join(model.named_steps)}, not preprocessing and estimator")
    if convert is None:
        raise ValueError(f"{type(estimator).__name__} is not an estimator that ml.model.compiled supports")
    form["estimator"], proto = convert(estimator, int(estimator.n_features_in_))
    if curves:
        form["calibration"] = [{k: np.asarray(v).tolist() for k, v in curve.items()} for curve in curves]
    if hasattr(estimator, "classes_") and [*estimator.classes_] != [0, 1]:
        form["estimator"]["classes"] = [int(place) for place in estimator.classes_]
    trees = {} if proto is None else {ESTIMATOR: proto.SerializeToString(deterministic=True)}
    return {FORM: _json(form)} | trees


def half_compiled(model: Pipeline, reason: str) -> dict[str, bytes]:
    """The form of a model whose estimator scikit-learn evaluates after compiled preprocessing, with the reason."""
    return {FORM: _json(prepared(model)[0] | {"estimator": {"kind": "sklearn", "reason": reason}})}


def uncompiled(reason: str) -> dict[str, bytes]:
    """The form of a model that scikit-learn evaluates as a whole, with the reason."""
    return {FORM: _json({"estimator": {"kind": "sklearn", "reason": reason}})}


def _linear(estimator: LogisticRegression, _: int) -> Converted:
    if len(estimator.classes_) > 2:  # noqa: PLR2004
        said = {"weights": estimator.coef_.tolist(), "bias": estimator.intercept_.tolist(), "output": "softmax"}
        return {"kind": "linear", **said}, None
    return {"kind": "linear", "weights": estimator.coef_[0].tolist(), "bias": estimator.intercept_[0]}, None


def _ridge(estimator: Ridge, _: int) -> Converted:
    weights, bias = estimator.coef_.tolist(), float(estimator.intercept_)
    return {"kind": "linear", "weights": weights, "bias": bias, "output": "value"}, None


def _forest(estimator: Forest, width: int) -> Converted:
    return {"kind": "onnx", "output": "sum", "trees": len(estimator.estimators_)}, forest(estimator, width)


def _boosting(estimator: Boosting, width: int) -> Converted:
    base = baseline(estimator)
    if isinstance(estimator, HistGradientBoostingRegressor):
        said = {"output": "value", "base": base[0]}
    else:
        said = {"output": "softmax", "base": base} if len(base) > 1 else {"output": "log odds", "base": base[0]}
    return {"kind": "onnx", **said}, boosting(estimator, width)


def _booster(estimator: Booster | ValueBooster, width: int) -> Converted:
    trees, said = BOOSTERS[estimator.library](estimator.text, width)
    return {"kind": "onnx", **said}, trees


BOOSTERS = {
    "lightgbm": compiled_boosters.lightgbm,
    "xgboost": compiled_boosters.xgboost,
    "catboost": compiled_boosters.catboost,
}
ESTIMATORS: dict[type, Callable[[Any, int], Converted]] = {
    Booster: _booster,
    ValueBooster: _booster,
    LogisticRegression: _linear,
    Ridge: _ridge,
    RandomForestClassifier: _forest,
    RandomForestRegressor: _forest,
    HistGradientBoostingClassifier: _boosting,
    HistGradientBoostingRegressor: _boosting,
}


def _json(form: dict[str, Any]) -> bytes:
    return (json.dumps(form, indent=1, allow_nan=False, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in {FORM}")
