"""The compiled preprocessing: for each input of the estimator, the numbers and levels that make it.

Parts that this module does not support have no compiled form: scikit-learn then evaluates them.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from ml.io.text import counted
from ml.model.features import Made, Words
from ml.model.model_file import source_of

STEPS = {  # the supported steps of a part of the preprocessing
    "numbers": {(SimpleImputer, StandardScaler), (SimpleImputer,)},
    "categories": {(SimpleImputer, OneHotEncoder), (OneHotEncoder,)},
    "missing": {(MissingIndicator,)},
    "means": {(SimpleImputer, TargetEncoder, StandardScaler), (SimpleImputer, TargetEncoder)},
    "words": {(Words,)},
}


def prepared(model: Pipeline) -> tuple[dict[str, Any], list[Any]]:
    """The compiled preprocessing of a model, including the text of src/features.py, and the steps that follow it.

    Raises ValueError that names an unsupported part.
    """
    steps = [step for _, step in model.steps if not isinstance(step, Made)]
    if not isinstance(steps[0], ColumnTransformer):
        raise ValueError(f"its steps are {', '.join(model.named_steps)}, not preprocessing and estimator")
    form = _preprocessing(steps[0])
    width = len(form["numbers"]) + sum(len(c["levels"]) for c in form["categories"]) + len(form["missing"])
    width += sum(len(column["unknown"]) for column in form["means"])
    width += sum(column["size"] for column in form["words"])
    found = max(part.stop for part in steps[0].output_indices_.values())
    if found != width:
        raise ValueError(f"its preprocessing makes {counted(found, 'column')}, and {__name__} {width}")
    if source := source_of(model):
        form["features"] = source
    return form, steps[1:]


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
