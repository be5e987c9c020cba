"""The model in the form that serves fast: preprocessing as plain numbers, the estimator in ONNX or as coefficients.

All of it is float64 with scikit-learn's own arithmetic, so that no score moves and no label flips. Whatever is not
known here has no compiled form: scikit-learn then serves it.
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
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ml.io.text import counted
from ml.model import compiled_boosters
from ml.model.boosters import Booster, ValueBooster
from ml.model.calibration import Calibrated
from ml.model.compiled_trees import Boosting, Forest, baseline, boosting, forest
from ml.model.features import Made
from ml.model.model import source_of
from ml.model.predictor import ESTIMATOR, FORM

Converted = tuple[dict[str, Any], ModelProto | None]  # what the form says of an estimator, and its trees

STEPS = {
    "number": {"impute": SimpleImputer, "scale": StandardScaler},
    "category": {"impute": SimpleImputer, "encode": OneHotEncoder},
    "missing": {"flag": MissingIndicator},
}


def compiled(model: Pipeline) -> dict[str, bytes]:
    """The files of the compiled form by name; the same model gives the same bytes.

    Raises ValueError, naming it, for a part that has none.
    """
    names = [name for name, step in model.steps if not isinstance(step, Made)]
    if names != ["preprocessing", "estimator"]:
        raise ValueError(f"its steps are {', '.join(model.named_steps)}, not preprocessing and estimator")
    form, estimator = _preprocessing(model.named_steps["preprocessing"]), model.named_steps["estimator"]
    curves = estimator.curves if isinstance(estimator, Calibrated) else ()
    estimator = estimator.estimator if isinstance(estimator, Calibrated) else estimator
    convert = ESTIMATORS.get(type(estimator))  # what inherits from one of them may compute something else
    if convert is None:
        raise ValueError(f"{type(estimator).__name__} is none of the estimators that ml.model.compiled knows")
    width = len(form["numbers"]) + sum(len(c["levels"]) for c in form["categories"]) + len(form["missing"])
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
    """The form that says why there is none, and that scikit-learn answers instead."""
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
    parts = dict(_parts(fitted))
    form: dict[str, Any] = {
        "numbers": [],
        "categories": [],
        "missing": parts["missing"][0] if "missing" in parts else [],
    }
    if "number" in parts:
        names, steps = parts["number"]
        scaled = steps["scale"]
        numbers = zip(names, steps["impute"].statistics_, scaled.mean_, scaled.scale_, strict=True)
        form["numbers"] = [
            {"name": name, "missing": float(fill), "mean": float(mean), "scale": float(scale)}
            for name, fill, mean, scale in numbers
        ]
    if "category" in parts:
        names, steps = parts["category"]
        levels = zip(names, steps["impute"].statistics_, steps["encode"].categories_, strict=True)
        form["categories"] = [
            {"name": name, "missing": str(fill), "levels": [str(v) for v in known]} for name, fill, known in levels
        ]
    return form


def _parts(fitted: ColumnTransformer) -> Iterator[tuple[str, tuple[list[str], dict[str, Any]]]]:
    """Columns and fitted steps of the parts in STEPS; one that got no column was never fitted, and is left out."""
    if not isinstance(fitted, ColumnTransformer) or fitted.transformer_weights:
        raise ValueError("its preprocessing is not ml.model.features.preprocessing")
    used = [(name, part, [*columns]) for name, part, columns in fitted.transformers_ if len(columns) and part != "drop"]
    if [name for name, *_ in used] != [name for name in STEPS if name in {name for name, *_ in used}]:
        raise ValueError(f"its preprocessing has the parts {', '.join(n for n, *_ in used)}, not {', '.join(STEPS)}")
    for name, part, columns in used:
        steps = part.named_steps if isinstance(part, Pipeline) else {}
        if {step: type(one) for step, one in steps.items()} != STEPS[name]:
            raise ValueError(f"part {name} of its preprocessing does not consist of {' and '.join(STEPS[name])} alone")
        if _altered(name, steps):
            raise ValueError(
                f"part {name} of its preprocessing is set otherwise than in ml.model.features.preprocessing"
            )
        yield name, (columns, dict(steps))


def _altered(name: str, steps: dict[str, Any]) -> bool:
    """Whether a step does more or less than to fill gaps, centre and scale, spread levels, or tell what is missing."""
    if name == "missing":
        flag = steps["flag"]
        return flag.features != "all" or flag.missing_values == flag.missing_values
    filled = steps["impute"]
    if name == "number":
        scaled = steps["scale"]
        usual = scaled.with_mean and scaled.with_std and filled.missing_values != filled.missing_values
    else:
        encoder = steps["encode"]
        grouped = encoder.min_frequency is not None or encoder.max_categories is not None
        usual = encoder.drop is None and not grouped and encoder.handle_unknown == "ignore"
        usual = usual and filled.missing_values is None
    return not usual or filled.add_indicator or len(filled.statistics_) != filled.n_features_in_


def _json(form: dict[str, Any]) -> bytes:
    return (json.dumps(form, indent=1, allow_nan=False, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in {FORM}")
