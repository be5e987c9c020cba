"""The threshold with the lowest cost, or with a required precision or recall, on held-out rows."""

import numpy as np
import pandas as pd

from ml.data.design import design_of
from ml.data.position import position
from ml.io.errors import UserError
from ml.model import model
from ml.model.history import Chosen
from ml.settings.data import Data
from ml.settings.train import Decide, Train
from ml.tasks.choose import task_of

FOLDS = 5


def chosen(frame: pd.DataFrame, data: Data, params: Train, given: float, source: str = "") -> Chosen | None:
    """The threshold chosen by the rule in train.threshold, None without a rule; the test rows are never read.

    Each training row is scored by a model that was fitted on the other folds. Raises UserError for a target of
    several classes or numbers, and for a precision that no threshold reaches. `given` is the threshold to compare with.
    """
    if params.threshold is None:
        return None
    if not task_of(data).cuts:
        raise UserError(
            f"params.yaml: train.threshold needs a target with two values, and {data.target.name} has others. Remove "
            "it."
        )
    fold = (position(frame[data.group or data.id], "threshold") * FOLDS).astype("int64")
    score = np.zeros(len(frame))
    for held in (fold == number for number in np.unique(fold)):
        fitted = model.fit(frame[~held], data, params, source)
        score[held] = model.scores(fitted, frame[held], data)
    truth, weight = task_of(data).truth(frame[data.target.name]), design_of(frame, data).weight
    found = best(truth, score, params.threshold, weight)
    figures = {"precision": _share(truth, score >= found, weight), "recall": _share(score >= found, truth > 0, weight)}
    costs = [_cost(truth, score >= threshold, params.threshold, weight) for threshold in (found, given)]
    return Chosen(
        threshold=found,
        rule=params.threshold.model_dump(exclude_none=True),
        folds=len(np.unique(fold)),
        rows=len(frame),
        cost=costs[0],
        given=given,
        given_cost=costs[1],
        **figures,
    )


def _share(of: np.ndarray, among: np.ndarray, weight: np.ndarray | None) -> float:
    """The share of true values among the selected rows; 0 if no row is selected."""
    size = np.ones(len(of)) if weight is None else weight
    return round(float((size * of * among).sum() / max((size * among).sum(), 1e-12)), 6)


def _cost(truth: np.ndarray, decided: np.ndarray, rule: Decide, weight: np.ndarray | None) -> float:
    """The cost of the mistakes per row; each mistake costs 1 if the rule names no costs."""
    price = np.where(truth > 0, (rule.false_negative or 1) * ~decided, (rule.false_positive or 1) * decided)
    return round(float(np.average(price, weights=weight)), 6)


def best(truth: np.ndarray, score: np.ndarray, rule: Decide, weight: np.ndarray | None = None) -> float:
    """The threshold that the rule selects, halfway between two scores; arrays of shape (rows,)."""
    order = np.argsort(-score, kind="stable")
    size = np.ones(len(truth), "int64") if weight is None else weight[order]
    ranked, right = score[order], np.cumsum(size * truth[order])
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))  # rows with equal scores get the same decision
    hits, taken, positive = right[last], np.cumsum(size)[last], right[-1]
    if rule.precision is not None:
        reached = hits / taken >= rule.precision
        if not reached.any():
            raise UserError(
                f"params.yaml: train.threshold: no threshold reaches a precision of {rule.precision:g} on the training "
                f"folds; the highest is {(hits / taken).max():.3f}."
            )
        place = int(np.flatnonzero(reached)[-1])  # of these the one with the highest recall
    elif rule.recall is not None:
        place = int(np.argmax(hits >= rule.recall * positive))  # the first, which has the highest precision
    else:
        wrong = (rule.false_positive or 1) * (taken - hits) + (rule.false_negative or 1) * (positive - hits)
        place = int(np.argmin(wrong))
    after = ranked[last[place] + 1] if last[place] + 1 < len(ranked) else 0.0
    return float(np.clip((ranked[last[place]] + after) / 2, 1e-6, 1 - 1e-6))
