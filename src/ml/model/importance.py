"""Permutation importance of columns."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from ml.data.design import Design, design_of
from ml.data.schema import inputs, with_columns
from ml.model.model_file import source_of
from ml.settings.data import Data
from ml.settings.evaluate import Evaluate
from ml.tasks.choose import task_of
from ml.tasks.resampling import kept

ROWS = 2000  # rows; enough to rank columns, and each column and repeat needs one prediction of all
REPEATS = 5


def importance(model: Pipeline, frame: pd.DataFrame, data: Data, seed: int = 0) -> list[dict[str, Any]]:
    """The decrease of the task's metric when a column is shuffled, mean and standard deviation, most important first.

    Source: Breiman, Random Forests, 2001, section 10. Correlated columns share their importance.
    """
    sample = frame.sample(min(ROWS, len(frame)), random_state=seed)
    made, rest = (model[:1], model[1:]) if source_of(model) else (None, model)
    x = made.transform(inputs(sample, data)) if made is not None else inputs(sample, data)
    task, design = task_of(data, Evaluate()), design_of(sample, data)
    truth = task.truth(sample[data.target.name])
    sign = 1 if task.metrics[task.metric] else -1

    def score(output: np.ndarray) -> float:
        plain = Design(design.weight)  # the metric needs no decision
        return sign * task.score(truth, output, plain).measure()[task.metric]

    best, orders, found = score(task.output(rest, x)), _orders(len(x), seed), []
    many = pd.concat([x] * REPEATS, ignore_index=True)  # a prediction of all repeats at once costs half
    for name in x.columns:
        shuffled = with_columns(many, {name: x[name].iloc[orders].set_axis(many.index)})
        lost = [best - score(output) for output in np.split(task.output(rest, shuffled), REPEATS)]
        found.append((name, float(np.mean(lost)), float(np.std(lost))))
    return [
        {"column": name, "importance": kept(mean), "deviation": kept(deviation)}
        for name, mean, deviation in sorted(found, key=lambda row: -row[1])
    ]


def _orders(rows: int, seed: int) -> np.ndarray:
    """REPEATS orders of the rows, as scikit-learn's permutation_importance draws them; shape (REPEATS · rows,)."""
    rng = check_random_state(check_random_state(seed).randint(np.iinfo(np.int32).max + 1))
    order, here, found = np.arange(rows), np.arange(rows), []
    for _ in range(REPEATS):
        rng.shuffle(order)
        here = here[order]
        found.append(here)
    return np.concatenate(found)
