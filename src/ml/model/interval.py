"""The width of the interval around a predicted number that covers the true value in a stated share of new rows."""

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold

from ml.data.design import Design, design_of
from ml.model import model
from ml.settings.data import Data
from ml.settings.train import Train
from ml.tasks.choose import task_of

FOLDS = 5


def half_width(frame: pd.DataFrame, data: Data, params: Train, coverage: float, source: str = "") -> float | None:
    """The conformal quantile of errors of models of the other folds; None for a task without intervals.

    Every row gets the same width, so a prediction costs no more. Source: Vovk, Cross-conformal predictors, Annals of
    Mathematics and Artificial Intelligence 2015; the gate on coverage checks it on the test rows.
    """
    task = task_of(data)
    if not task.intervals:
        return None
    truth = task.truth(frame[data.target.name])
    design, held = design_of(frame, data), np.empty(len(frame))
    kind, count = (KFold, len(frame)) if design.entity is None else (GroupKFold, int(design.entity.max()) + 1)
    folds = kind(min(FOLDS, count), shuffle=True, random_state=params.seed)
    for rest, part in folds.split(frame, groups=design.entity):
        fitted = model.fit(frame.iloc[rest], data, params, source)
        held[part] = model.scores(fitted, frame.iloc[part], data)
    return _quantile(np.abs(held - truth), coverage, design)


def _quantile(errors: np.ndarray, coverage: float, design: Design) -> float:
    """The smallest error that is at least as large as the share `coverage` of the errors, with one new row counted."""
    if design.weight is None:
        rank = min(1.0, np.ceil((len(errors) + 1) * coverage) / len(errors))
        return float(np.quantile(errors, rank, method="higher"))
    order = np.argsort(errors, kind="stable")
    reached = np.cumsum(design.weight[order])
    wanted = coverage * (reached[-1] + design.weight.mean())
    return float(errors[order][min(np.searchsorted(reached, wanted), len(errors) - 1)])
