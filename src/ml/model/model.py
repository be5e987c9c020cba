"""The model: one scikit-learn pipeline that is fitted and scored here."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from ml.data.design import design_of
from ml.data.position import position
from ml.data.schema import inputs
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import boosters, estimators, faults, level_folds, monotone, stopping
from ml.model.calibration import calibrate
from ml.model.features import Made, preprocessing, with_made
from ml.model.history import OUT_OF_BAG
from ml.model.model_file import source_of
from ml.settings.data import Data
from ml.settings.feature_source import FEATURES, functions
from ml.settings.metric_names import FEWEST
from ml.settings.train import Train
from ml.tasks.choose import task_of

OWN = "estimator__"  # before the names of the estimator's own arguments
ROWS = 100_000  # that are scored at a time


def fit(  # noqa: PLR0913, PLR0917
    frame: pd.DataFrame,
    data: Data,
    params: Train,
    source: str = "",
    watch: Callable[[Any], None] = lambda _: None,
    by: Callable[..., Any] | None = None,
) -> Pipeline:
    """Made columns, preprocessing and estimator, fitted on every row; the same rows and seed give the same model.

    `source` is the text of src/features.py. With train.calibration, the estimator is fitted without the held-back rows,
    and its scores are calibrated on these. `watch` receives the fitted estimator; `by` fits it elsewhere.
    """
    if not params.calibration:
        return _fitted(frame, data, params, source, watch, by)
    task, held = task_of(data), position(frame[data.group or data.id], "held back") < params.held_back
    if not task.decides:
        raise UserError(
            "params.yaml: train.calibration calibrates scores of classes, and a number has no scores. Remove it."
        )
    if not task.enough(task.truth(frame[data.target.name][held]), FEWEST):
        raise UserError(
            f"params.yaml: train.calibration needs {FEWEST} rows of each class among the "
            f"{counted(int(held.sum()), 'row')} that are held back. Raise train.held_back, or bring more rows."
        )
    model, rest = _fitted(frame[~held], data, params, source, watch, by), frame[held]
    weight = design_of(rest, data).weight
    x, truth = model[:-1].transform(inputs(rest, data)), task.truth(rest[data.target.name])
    model.steps[-1] = ("estimator", calibrate(model.steps[-1][1], x, truth, params.calibration, weight))
    return model


def _fitted(  # noqa: PLR0913, PLR0917
    frame: pd.DataFrame,
    data: Data,
    params: Train,
    source: str,
    watch: Callable[[Any], None],
    by: Callable[..., Any] | None,
) -> Pipeline:
    y = task_of(data).truth(frame[data.target.name])
    if len(np.unique(y)) == 1:
        raise UserError(
            f"{data.target.name}: all {counted(len(y), 'training row')} are {frame[data.target.name].iloc[0]}, "
            f"so there is nothing to learn. Check data.target in params.yaml."
        )
    model = unfitted(data, params, source)
    try:
        _fit_in_place(model, frame, data, params, by)
    except Exception as error:  # noqa: BLE001 - anybody's estimator raises anything
        raise faults.unfit(error, params) from None
    if params.model == "random_forest":
        model.set_params(estimator__n_jobs=None)  # the number of cores is not a part of the model
    while isinstance(found := model.steps[-1][1], BaseSearchCV | Pipeline):  # of a search, the best estimator
        best = found.best_estimator_ if isinstance(found, BaseSearchCV) else found
        model.steps[-1:] = _steps(best)
    watch(fitted := model.steps[-1][1])
    for name in OUT_OF_BAG:
        getattr(fitted, "__dict__", {}).pop(name, None)
    model.steps[-1] = ("estimator", boosters.kept(fitted))
    if not faults.known(params):
        faults.must_answer(model, frame.head(faults.ROWS), data, params)
    return model


def _fit_in_place(
    model: Pipeline, frame: pd.DataFrame, data: Data, params: Train, by: Callable[..., Any] | None
) -> None:
    x, y, entity = inputs(frame, data), task_of(data).truth(frame[data.target.name]), design_of(frame, data).entity
    given = fit_arguments(model, frame, data, params)
    if params.early_stopping:
        held = position(frame[data.group or data.id], "early stopping") < params.held_back
        fitted = stopping.fitted(held, params)
        with level_folds.by_entity(model, None if entity is None else entity[fitted]):
            stopping.fit(model, x, y, held, params, **given)
        return
    with level_folds.by_entity(model, entity):
        if not by:
            model.fit(x, y, **given)
            return
        prepared = model[:-1].fit_transform(x, y)
    own = {name.removeprefix(OWN): value for name, value in given.items()}
    model.steps[-1] = ("estimator", by(model.steps[-1][1], prepared, y, **own))


def fit_arguments(model: Pipeline, frame: pd.DataFrame, data: Data, params: Train) -> dict[str, np.ndarray]:
    """The further arguments of `fit`: the weights of data.weight. Raises UserError for an estimator without them."""
    weight = design_of(frame, data).weight
    if weight is None:
        return {}
    if not has_fit_parameter(model.named_steps["estimator"], "sample_weight"):
        raise UserError(
            f"{params.model} cannot weight rows (its fit takes no sample_weight), and data.weight is {data.weight}. "
            "Choose another train.model, or remove data.weight from params.yaml."
        )
    return {f"{OWN}sample_weight": weight}


def unfitted(data: Data, params: Train, source: str = "") -> Pipeline:
    """The whole model before it is fitted; raises UserError for an estimator of another task.

    If the estimator is a Pipeline, its steps become steps of the model. With `train.preprocessing: none` the first step
    receives the table itself.
    """
    estimator = estimators.estimator(params, data.target.task)
    if params.model == "random_forest":
        estimator.set_params(n_jobs=-1)
    *steps, (_, last) = _steps(estimator)
    if params.preprocessing == "standard":
        prepared = preprocessing(data, source, params.seed)
        if not steps:
            monotone.spread(last, prepared, len(data.target.classes))
        steps = [("preprocessing", prepared), *steps]
    own = params.model.startswith(f"{FEATURES.stem}.")  # the file's text is a part of the model
    made = [("features", Made(source))] if own or functions(source) else []
    return Pipeline([*made, *(steps or [("preprocessing", "passthrough")]), ("estimator", last)])


def _steps(estimator: Any) -> list[tuple[str, Any]]:
    """An estimator as the last steps of a model: the steps of its Pipeline, or itself."""
    *before, (_, last) = estimator.steps if isinstance(estimator, Pipeline) else [("estimator", estimator)]
    return [*((f"own_{name}", step) for name, step in before), ("estimator", last)]


def scores(model: Pipeline, frame: pd.DataFrame, data: Data, kept: Iterable[str] = ()) -> np.ndarray:
    """The output of the task: a probability or a value, shape (rows,), or a probability for each class; float64.

    Made columns in `kept` keep their values in the table. Long tables are scored in parts, because the input of the
    estimator is wider than the table.
    """
    kept = [*kept]
    parts = [frame.iloc[start : start + ROWS] for start in range(0, max(1, len(frame)), ROWS)]
    return np.concatenate([_scores(model, part, data, kept) for part in parts])


def _scores(model: Pipeline, frame: pd.DataFrame, data: Data, kept: list[str]) -> np.ndarray:
    rows = inputs(frame, data)
    if kept:
        return task_of(data).output(model[1:], with_made(rows, source_of(model), frame[kept]))
    return task_of(data).output(model, rows)
