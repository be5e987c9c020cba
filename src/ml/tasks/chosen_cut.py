"""The threshold with the lowest cost, or with a required precision or recall, on held-out rows of two classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from ml.io.errors import UserError
from ml.io.markdown import table
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.train import Decide
from ml.tasks.kinds import BINARY, DecisionRule

NAME = "threshold"  # of the field in records, and the word that draws the folds


class Chosen(BaseModel):
    """A threshold, and its results on training rows that were scored by models of the other folds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float
    rule: dict[str, float]
    folds: int
    rows: int
    precision: float
    recall: float
    cost: float  # cost of the mistakes per row
    given: float  # evaluate.threshold
    given_cost: float  # cost of the mistakes at this threshold, per row

    @property
    def told(self) -> str:
        """One line for the terminal."""
        return f"decides at {self.threshold:.4f}, chosen by train.threshold on folds of the training rows"


def check(data: Data) -> None:
    """Raise UserError for a target of several classes or numbers, which no threshold decides."""
    if data.target.task != BINARY.name:
        raise UserError(
            f"params.yaml: train.threshold needs a target with two values, and {data.target.name} has others. Remove "
            "it."
        )


def choose(  # noqa: PLR0913, PLR0917  (rows, and two rules)
    truth: np.ndarray, score: np.ndarray, weight: np.ndarray | None, rule: Decide, given: DecisionRule, folds: int
) -> Chosen:
    """The threshold that the rule selects, compared with the given one; arrays of shape (rows,)."""
    found = best(truth, score, rule, weight)
    costs = [_cost(truth, score >= threshold, rule, weight) for threshold in (found, given.threshold)]
    return Chosen(
        threshold=found,
        rule=rule.model_dump(exclude_none=True),
        folds=folds,
        rows=len(truth),
        precision=_share(truth, score >= found, weight),
        recall=_share(score >= found, truth > 0, weight),
        cost=costs[0],
        given=given.threshold,
        given_cost=costs[1],
    )


def section(chosen: Mapping[str, Any]) -> str:
    """A part of the report: how the threshold was chosen, and what it costs beside the given one."""
    rule = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in chosen["rule"].items())
    told = (
        f"`train.threshold` ({rule}) chose the threshold on {counted(chosen['rows'], 'training row')}, "
        f"each scored by a model of the rows outside its fold, which is one of {chosen['folds']}. No test row was read."
    )
    ours = (f"{chosen['threshold']:.4f}", f"{chosen['cost']:.4f}")
    rows = [
        ["chosen", *ours, f"{chosen['precision']:.3f}", f"{chosen['recall']:.3f}"],
        ["evaluate.threshold", f"{chosen['given']:.4f}", f"{chosen['given_cost']:.4f}", "", ""],
    ]
    return f"{told}\n\n" + table(["", "threshold", "cost a row", "precision", "recall"], rows)


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
        place = int(np.flatnonzero(reached)[-1])  # among these, the one with the highest recall
    elif rule.recall is not None:
        place = int(np.argmax(hits >= rule.recall * positive))  # the first, which has the highest precision
    else:
        wrong = (rule.false_positive or 1) * (taken - hits) + (rule.false_negative or 1) * (positive - hits)
        place = int(np.argmin(wrong))
    after = ranked[last[place] + 1] if last[place] + 1 < len(ranked) else 0.0
    return float(np.clip((ranked[last[place]] + after) / 2, 1e-6, 1 - 1e-6))
