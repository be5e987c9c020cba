"""Permutation importance of columns."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline

from ml.data.design import Design, design_of
from ml.data.schema import inputs
from ml.model.model_file import source_of
from ml.settings.data import Data
from ml.tasks.choose import task_of
from ml.tasks.compare import kept
from ml.tasks.task import Task

ROWS = 2000  # rows; enough to rank columns, and each column and repeat needs one prediction of all
REPEATS = 5


def _scorer(task: Task) -> Callable[..., float]:
    """The task's metric as a scorer for scikit-learn; a class without rows in the sample is left out."""
    sign = 1 if task.metrics[task.metric] else -1

    def score(fitted: Any, x: pd.DataFrame, truth: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        rows = task.score(truth, task.output(fitted, x), 0.5, Design(sample_weight))  # the metric uses no threshold
        return sign * rows.measure()[task.metric]

    return score


def importance(model: Pipeline, frame: pd.DataFrame, data: Data, seed: int = 0) -> list[dict[str, Any]]:
    """The decrease of the task's metric when a column is shuffled, mean and standard deviation, most important first.

    Source: Breiman, Random Forests, 2001, section 10. Correlated columns share their importance.
    """
    sample = frame.sample(min(ROWS, len(frame)), random_state=seed)
    made, rest = (model[:1], model[1:]) if source_of(model) else (None, model)
    x = made.transform(inputs(sample, data)) if made is not None else inputs(sample, data)
    task = task_of(data)
    truth = task.truth(sample[data.target.name])
    settings = {"scoring": _scorer(task), "n_repeats": REPEATS, "random_state": seed}
    found = permutation_importance(rest, x, truth, sample_weight=design_of(sample, data).weight, **settings)
    rows = zip(x.columns, found.importances_mean, found.importances_std, strict=True)
    return [
        {"column": name, "importance": kept(mean), "deviation": kept(deviation)}
        for name, mean, deviation in sorted(rows, key=lambda row: -row[1])
    ]
