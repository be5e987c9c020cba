"""The threshold that costs least, or keeps a wanted precision or recall, on rows that did not train the model."""

import numpy as np
import pandas as pd

from ml.data.design import design_of
from ml.data.position import position
from ml.io.errors import UserError
from ml.model import model
from ml.settings.data import Data
from ml.settings.train import Decide, Train
from ml.tasks.choose import task_of

FOLDS = 5


def chosen(frame: pd.DataFrame, data: Data, params: Train, source: str = "") -> float | None:
    """The threshold that train.threshold asks for, None where it asks for none; the test rows are never read.

    Each training row is scored by a model that was fitted on the other folds. Raises UserError for a target of
    several classes or numbers, and for a precision that no threshold reaches.
    """
    if params.threshold is None:
        return None
    if data.target.task != "binary":
        raise UserError(f"params.yaml: train.threshold decides between two values, and {data.target.name} is other.")
    fold = (position(frame[data.group or data.id], "threshold") * FOLDS).astype("int64")
    score = np.zeros(len(frame))
    for held in (fold == number for number in np.unique(fold)):
        fitted = model.fit(frame[~held], data, params, source)
        score[held] = model.scores(fitted, frame[held], data)
    return best(task_of(data).truth(frame[data.target.name]), score, params.threshold, design_of(frame, data).weight)


def best(truth: np.ndarray, score: np.ndarray, rule: Decide, weight: np.ndarray | None = None) -> float:
    """The threshold that the rule asks for, halfway between two scores; arrays of shape (rows,)."""
    order = np.argsort(-score, kind="stable")
    size = np.ones(len(truth), "int64") if weight is None else weight[order]
    ranked, right = score[order], np.cumsum(size * truth[order])
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))  # of rows with one score all are decided alike
    hits, taken, positive = right[last], np.cumsum(size)[last], right[-1]
    if rule.precision is not None:
        reached = hits / taken >= rule.precision
        if not reached.any():
            raise UserError(
                f"params.yaml: train.threshold: no threshold reaches a precision of {rule.precision:g} on the training "
                f"folds; the highest is {(hits / taken).max():.3f}."
            )
        place = int(np.flatnonzero(reached)[-1])  # of these the one that finds most
    elif rule.recall is not None:
        place = int(np.argmax(hits >= rule.recall * positive))  # the first, so the most precise
    else:
        wrong = (rule.false_positive or 1) * (taken - hits) + (rule.false_negative or 1) * (positive - hits)
        place = int(np.argmin(wrong))
    after = ranked[last[place] + 1] if last[place] + 1 < len(ranked) else 0.0
    return float(np.clip((ranked[last[place]] + after) / 2, 1e-6, 1 - 1e-6))
