"""The compiled form of the model: preprocessing as plain numbers, the estimator in ONNX or as coefficients.

It computes in float64 in the same order as scikit-learn, so that scores and labels stay the same. Parts that this
module does not support have no compiled form: scikit-learn then serves the model.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from onnx import ModelProto
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from ml.io.text import counted
from ml.model import compiled_boosters
from ml.model.boosters import Booster, ValueBooster
from ml.model.calibration import Calibrated
from ml.model.compiled_trees import Boosting, Forest, baseline, boosting, forest
from ml.model.estimates import ESTIMATOR
from ml.model.features import Made, Words
from ml.model.model_file import source_of
from ml.model.predictor import FORM

Converted = tuple[dict[str, Any], ModelProto | None]  # the description of an estimator, and its trees

STEPS = {  # the supported steps of a part of the preprocessing
    "numbers": {(SimpleImputer, StandardScaler), (SimpleImputer,)},
    "categories": {(SimpleImputer, OneHotEncoder), (OneHotEncoder,)},
    "missing": {(MissingIndicator,)},
    "means": {(SimpleImputer, TargetEncoder, StandardScaler), (SimpleImputer, TargetEncoder)},
    "words": {(Words,)},
}


def compiled(model: Pipeline) -> dict[str, bytes]:
    """The files of the compiled form by name; the same model gives the same bytes.

    Raises ValueError that names an unsupported part.
    """
    steps = [step for _, step in model.steps if not isinstance(step, Made)]
    if len(steps) != 2 or not isinstance(steps[0], ColumnTransformer):  # noqa: PLR2004
        raise ValueError(f"its steps are {', '.join(model.named_steps)}, not preprocessing and estimator")
    form, estimator = _preprocessing(steps[0]), steps[1]
    curves = estimator.curves if isinstance(estimator, Calibrated) else ()
    estimator = estimator.estimator if isinstance(estimator, Calibrated) else estimator
    convert = ESTIMATORS.get(type(estimator))  # a subclass may compute something else
    if convert is None:
        raise ValueError(f"{type(estimator).__name__} is not an estimator that ml.model.compiled supports")
    width = len(form["numbers"]) + sum(len(c["levels"]) for c in form["categories"]) + len(form["missing"])
    width += sum(len(column["unknown"]) for column in form["means"])
    width += sum(column["size"] for column in form["words"])
    if estimator.n_features_in_ != width:
        raise ValueError(
            f"its preprocessing makes {counted(estimator.n_features_in_, 'column')}, and ml.model.compiled {width}"
        )
    form["estimator"], proto = convert(estimator, width)
    if curves:
        form["calibration"] = [{k: np.asarray(v).tolist() for k, v in curve.items()} for curve in curves]
    if source := source_of(model):
        form["features"] = source
    if hasattr(estimator, "classes_") and [*estimator.classes_] != [0, 1]:
        form["estimator"]["classes"] = [int(place) for place in estimator.classes_]
    trees = {} if proto is None else {ESTIMATOR: proto.SerializeToString(deterministic=True)}
    return {FORM: _json(form)} | trees


def uncompiled(reason: str) -> dict[str, bytes]:
    """The form of a model that scikit-learn serves, with the reason."""
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


def _preprocessing(fitted: ColumnTransformer) -> dict[str, Any]:
    """The columns in the estimator's order: numbers, levels, indicators of missing values, means of levels, words."""
    form: dict[str, Any] = {kind: [] for kind in READ}
    last = 0
    for name, part, columns in _parts(fitted):
        steps = [*part.named_steps.values()] if isinstance(part, Pipeline) else [part]
        kinds = tuple(type(step) for step in steps if step != "passthrough")
        kind = next((kind for kind, known in STEPS.items() if kinds in known), None)
        if kind is None:
            raise ValueError(f"part {name} of its preprocessing has steps that ml.model.compiled does not support")
        if [*READ].index(kind) < last:
            raise ValueError(f"part {name} of its preprocessing is in the wrong order; numbers come first, then levels")
        last, altered = [*READ].index(kind), f"part {name} of its preprocessing has other settings than"
        if any(_altered(step, kind) for step in steps):
            raise ValueError(f"{altered} in ml.model.features.preprocessing")
        form[kind] += READ[kind](columns, {type(step): step for step in steps})
    return form


def _parts(fitted: ColumnTransformer) -> Iterator[tuple[str, Any, list[str]]]:
    """Name, fitted part and columns; a part without columns is unfitted and left out."""
    if fitted.transformer_weights:
        raise ValueError("its preprocessing is not ml.model.features.preprocessing")
    for name, part, columns in fitted.transformers_:
        if part == "drop" or (isinstance(columns, list) and not columns):
            continue
        if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
            raise ValueError(f"part {name} of its preprocessing does not name its columns")
        yield name, part, columns


def _altered(step: Any, kind: str) -> bool:
    """Whether a step differs from imputation, scaling, one-hot encoding and indicators of missing values."""
    if isinstance(step, MissingIndicator):
        return step.features != "all" or step.missing_values == step.missing_values
    if isinstance(step, SimpleImputer):
        text = kind in {"categories", "means"}
        gap = step.missing_values is None if text else step.missing_values != step.missing_values
        return not gap or step.add_indicator or len(step.statistics_) != step.n_features_in_
    if isinstance(step, OneHotEncoder):
        grouped = step.min_frequency is not None or step.max_categories is not None
        return step.drop is not None or grouped or step.handle_unknown != "ignore"
    return False


def _numbers(names: list[str], steps: dict[type, Any]) -> list[dict[str, Any]]:
    scaler = steps.get(StandardScaler)
    means = scaler.mean_ if scaler and scaler.with_mean else np.zeros(len(names))
    scales = scaler.scale_ if scaler and scaler.with_std else np.ones(len(names))
    numbers = zip(names, steps[SimpleImputer].statistics_, means, scales, strict=True)
    return [
        {"name": name, "missing": float(fill), "mean": float(mean), "scale": float(scale)}
        for name, fill, mean, scale in numbers
    ]


def _categories(names: list[str], steps: dict[type, Any]) -> list[dict[str, Any]]:
    fills = [str(fill) for fill in steps[SimpleImputer].statistics_] if SimpleImputer in steps else [None] * len(names)
    levels = [[None if level is None else str(level) for level in known] for known in steps[OneHotEncoder].categories_]
    return [
        {"name": name, "missing": fill, "levels": known} for name, fill, known in zip(names, fills, levels, strict=True)
    ]


def _means(names: list[str], steps: dict[type, Any]) -> list[dict[str, Any]]:
    """For each column the inputs of each level, scaled, and those of a level that was not trained on."""
    encoder, scaler = steps[TargetEncoder], steps.get(StandardScaler)
    width = len(encoder.encodings_)
    size, middle = width // len(names), np.atleast_1d(encoder.target_mean_)
    mean = scaler.mean_ if scaler and scaler.with_mean else np.zeros(width)
    scale = scaler.scale_ if scaler and scaler.with_std else np.ones(width)
    found = []
    for place, (name, fill) in enumerate(zip(names, steps[SimpleImputer].statistics_, strict=True)):
        own = slice(place * size, (place + 1) * size)
        inputs = (np.stack(encoder.encodings_[own], axis=1) - mean[own]) / scale[own]
        levels = dict(zip(map(str, encoder.categories_[place]), inputs.tolist(), strict=True))
        unknown = ((middle - mean[own]) / scale[own]).tolist()
        found.append({"name": name, "missing": str(fill), "levels": levels, "unknown": unknown})
    return found


READ: dict[str, Callable[[list[str], dict[type, Any]], list[Any]]] = {
    "numbers": _numbers,
    "categories": _categories,
    "missing": lambda names, _: names,
    "means": _means,
    "words": lambda names, steps: [{"name": n, "size": s} for n, s in zip(names, steps[Words].sizes, strict=True)],
}


def _json(form: dict[str, Any]) -> bytes:
    return (json.dumps(form, indent=1, allow_nan=False, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in {FORM}")
