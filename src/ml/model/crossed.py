"""Predictions of a model by cross-validation, with those of the best constant for comparison."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import Pipeline

from ml.data.design import Design, design_of
from ml.data.position import position
from ml.model import model, search
from ml.settings.data import Data
from ml.settings.params import Params
from ml.settings.train import Train
from ml.tasks.choose import task_of

FOLDS = 5
CELLS = 400_000  # limit of rows times columns of the sample: a few seconds for the models of all folds,
FEWEST_ROWS = 2000  # but at least this many rows
TREES = 50  # of a forest: fewer than the released model has, so the figures are hardly optimistic


@dataclass(frozen=True)
class Crossed:
    """Rows with their true values, the prediction of a model of the other folds, and the best constant.

    `models` are those of the folds.
    """

    frame: pd.DataFrame
    truth: np.ndarray
    output: np.ndarray
    constant: np.ndarray
    models: tuple[Pipeline, ...]
    data: Data

    @property
    def design(self) -> Design:
        """The weights and groups of the rows."""
        return design_of(self.frame, self.data)


def crossed(frame: pd.DataFrame, params: Params, source: str = "") -> Crossed:
    """Cross-validation of train.model on rows in the contract's types.

    `source` is the text of src/features.py. Folds keep entities together, and follow time if the split does. Raises
    UserError if fewer than two folds are usable.
    """
    tune = params.tune.model_copy(update={"folds": FOLDS})
    held = search.folded(frame.reset_index(drop=True), params.model_copy(update={"tune": tune}))
    small = smaller(params.train)
    models = tuple(model.fit(held.frame.iloc[rest], params.data, small, source) for rest, _ in held.folds)
    parts = [rows for _, rows in held.folds]
    said = [model.scores(m, held.frame.iloc[part], params.data) for m, part in zip(models, parts, strict=True)]
    order = np.concatenate(parts)
    seen, truth = held.frame.iloc[order].reset_index(drop=True), held.label[order]
    return Crossed(seen, truth, np.concatenate(said), _constant(seen, truth, params.data), models, params.data)


def drawn(frame: pd.DataFrame, data: Data) -> np.ndarray:
    """The rows of a large table that are cross-validated, all of one entity or none; bool of shape (rows,)."""
    rows = max(FEWEST_ROWS, CELLS // len(data.columns))
    if len(frame) <= rows:
        return np.ones(len(frame), dtype=bool)
    return position(frame[data.group or data.id], "drawn") * len(frame) < rows


def smaller(train: Train) -> Train:
    """The same model, a forest with fewer trees."""
    trees = train.parameters().get("n_estimators")
    return search.with_settings(train, {"n_estimators": TREES}) if isinstance(trees, int) and trees > TREES else train


def _constant(frame: pd.DataFrame, truth: np.ndarray, data: Data) -> np.ndarray:
    task, blank = task_of(data), np.zeros((len(truth), 1))
    dummy = DummyClassifier(strategy="prior") if task.decides else DummyRegressor()
    return task.output(dummy.fit(blank, truth, sample_weight=design_of(frame, data).weight), pd.DataFrame(blank))
