"""Late labels compared with predictions: whether a class was correct, or the error of a number.

Of one of several classes, live rows are judged as right or wrong with the model's confidence as their score, so the
metrics and the calibration of two classes say how well the model does.
"""

from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from ml.data.design import Design
from ml.data.words import text
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.evaluate import Evaluate
from ml.settings.metric_names import FEWEST
from ml.tasks import score_rows, two_words
from ml.tasks.kinds import DecisionRule
from ml.tasks.number_rows import NumberRows
from ml.tasks.scored import Scored
from ml.tasks.task import Task

Watched = dict[str, dict[str, float | None]]
FIFTHS = 5


class LiveRule(DecisionRule, Protocol):
    """The decisions of a kind of model; the reference of a release is one."""

    @property
    def task(self) -> str:
        """The kind of target."""
        ...


class AnsweredRule(NamedTuple):
    """The rule that the predictions themselves imply."""

    task: str
    threshold: float  # infinite if no prediction was positive, 0 if scores decide nothing


def outcomes(actual: pd.Series, decided: pd.Series, data: Data) -> pd.Series:
    """The true outcome of a prediction by its label; missing if the label is not a value of the target; float64."""
    if data.target.task == "binary":
        return two_words.truth(actual, data)
    if data.target.task == "regression":
        number = pd.to_numeric(actual.map(text), errors="coerce").astype("float64")
        return number.where(np.isfinite(number))
    known = actual.map(text)
    right = (known == decided.map(text)).astype("float64")
    return right.where(known.isin(data.target.classes))


def at_release(  # noqa: PLR0913, PLR0917
    task: Task, truth: np.ndarray, output: np.ndarray, evaluate: Evaluate, design: Design, found: Watched
) -> Watched:
    """The figures of the test rows that live ones are compared with: metrics, and the other monitored figures.

    Each row counts once, because the prediction log has no weights. `found` holds the metrics by weight, with their
    intervals; undefined ones are left out.
    """
    if design.weight is not None:
        scored = task.score(truth, output, design.unweighted)
        found = scored.intervals(evaluate.bootstrap, evaluate.confidence)
    known = {name: metric for name, metric in found.items() if metric["value"] is not None}
    return known | task.watched(truth, output, evaluate.confidence, design.unweighted)


def alike(kind: str, rows: pd.DataFrame) -> pd.Series:
    """Groups of labelled rows for the delay of labels: classes, or fifths of the numbers.

    With several classes the rare ones form one group, because the slowest of a few rows is not informative.
    """
    if kind == "binary":
        return rows["label"]
    if kind == "regression":
        return (rows["label"].rank(pct=True) * FIFTHS).clip(upper=FIFTHS - 1).astype("int64")
    names = rows["actual"].map(text)
    return names.where(names.map(names.value_counts()) >= FEWEST, "")


def scored(rule: LiveRule, label: np.ndarray, score: np.ndarray) -> Scored:
    """Live rows, ready to be measured."""
    if rule.task == "regression":
        return NumberRows(label, score, float("nan"))
    return score_rows.rank(label, score, rule.threshold)


def enough(kind: str, label: np.ndarray, fewest: int) -> bool:
    """Whether there are enough labels: `count` of each of two classes; twice as many for numbers or several classes."""
    return bool(score_rows.enough(label, fewest)) if kind == "binary" else len(label) >= 2 * fewest


def numeric(kind: str) -> bool:
    """Whether predictions and labels are numbers."""
    return kind == "regression"


def rule_of_answers(kind: str, score: pd.Series, label: pd.Series) -> AnsweredRule:
    """Decides by the lowest score with a positive prediction, because no record has the rule of a past challenger."""
    if kind != "binary":
        return AnsweredRule(kind, 0.0)
    yes = score[label.eq(True)]
    return AnsweredRule(kind, float(yes.min()) if len(yes) else np.inf)


def both(label: np.ndarray, fewest: int) -> bool:
    """Whether each of two outcomes has this number of rows."""
    return bool(score_rows.enough(label, fewest))


def lack(kind: str, label: np.ndarray, fewest: int) -> str:
    """A text about the missing labels."""
    return f"{counts(kind, label)}, under " + (f"{fewest} of a class" if kind == "binary" else f"{2 * fewest}")


def wanted(data: Data) -> str:
    """A text about the accepted labels."""
    known = {"binary": f"positive: {data.target.positive!r}", "regression": "a number"}
    return known.get(data.target.task, f"one of {', '.join(data.target.classes)}")


def bias_of(kind: str) -> str:
    """A text that defines the bias of live rows."""
    return {
        "binary": "Bias: mean score minus the share of positive rows.",
        "multiclass": "Bias: mean score of the predicted class minus the share of correct predictions; slope "
        "below 1: scores are too high.",
        "regression": "Bias: mean prediction minus the mean of the labels. Coverage: the share of labels "
        "within the interval of their prediction.",
    }.get(kind, "")


def counts(kind: str, label: np.ndarray) -> str:
    """A text with the counts of labels."""
    right = int(np.sum(label))
    if kind == "regression":
        return f"{counted(len(label), 'row')}"
    if kind == "multiclass":
        return f"{right:,} right and {len(label) - right:,} wrong answers"
    return score_rows.classes(label)
