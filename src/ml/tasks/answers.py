"""The prediction of a row in responses and in the log: score and label, a score per class, or value and interval.

The image has no pandas, so this module needs numpy alone.
"""

from typing import Any, NotRequired, Protocol

import numpy as np
from typing_extensions import TypedDict  # pydantic needs this one below Python 3.12

from ml.settings.data import Data
from ml.tasks.kinds import BINARY, MULTICLASS, REGRESSION, DecisionRule

Rows = list[dict[str, Any]]


class AnswerContract(DecisionRule, Protocol):
    """The properties by which a served model decides."""

    @property
    def half_width(self) -> float | None:
        """The half width and level of the interval around a predicted number."""
        ...

    @property
    def data(self) -> Data:
        """The contract of the table."""
        ...


class Explanation(TypedDict):
    """With explain=true: `base` and the contributions add up to the score or the value of the prediction."""

    base: float
    contributions: dict[str, float]


class Decision(TypedDict):
    """The prediction of one row: the probability of the positive class, and whether it reaches the threshold."""

    id: str | int
    score: float
    label: bool
    model: str
    explanation: NotRequired[Explanation]


class Class(TypedDict):
    """The prediction of one row: the most probable class with its probability, and the probability of each class."""

    id: str | int
    label: str
    score: float
    scores: dict[str, float]
    model: str
    explanation: NotRequired[Explanation]


class Value(TypedDict):
    """The prediction of one row: the predicted number, and an interval with the stated coverage."""

    id: str | int
    value: float
    low: float
    high: float
    model: str
    explanation: NotRequired[Explanation]


class Answers(Protocol):
    """The predictions of a kind of model."""

    shape: Any  # of one prediction, for the OpenAPI document

    def logged(self, output: np.ndarray) -> Rows:
        """From the predictor's output to the fields of each row in the log: `score` and `label`."""
        ...

    def added(self, output: np.ndarray, kept: Rows) -> Rows:
        """From the output and the log's fields to the prediction of each row, without id and model."""
        ...

    def columns(self, output: np.ndarray) -> dict[str, np.ndarray]:
        """The same predictions as columns of a table, beside id and model."""
        ...

    def as_mlflow(self, answers: Rows) -> list[Any]:
        """The response of MLflow's own server for this model: rows of predict_proba, or values."""
        ...


class DecisionAnswers:
    """Predictions of a model of two classes."""

    shape = Decision

    def __init__(self, contract: AnswerContract) -> None:
        self._threshold = contract.threshold

    def logged(self, output: np.ndarray) -> Rows:
        """The score, and whether it reaches the threshold."""
        threshold = self._threshold
        return [{"score": score, "label": score >= threshold} for score in output.tolist()]

    def added(self, output: np.ndarray, kept: Rows) -> Rows:  # noqa: ARG002
        """The same."""
        return kept

    def columns(self, output: np.ndarray) -> dict[str, np.ndarray]:
        """Score and label."""
        return {"score": output, "label": output >= self._threshold}

    def as_mlflow(self, answers: Rows) -> list[Any]:
        """The probabilities of both classes."""
        return [[1 - answer["score"], answer["score"]] for answer in answers]


class ClassAnswers:
    """Predictions of a model of several classes."""

    shape = Class

    def __init__(self, contract: AnswerContract) -> None:
        self._classes = contract.data.target.classes

    def logged(self, output: np.ndarray) -> Rows:
        """The most probable class and its score."""
        places, classes = output.argmax(axis=1), self._classes
        top = output[np.arange(len(output)), places].tolist()
        return [{"score": score, "label": classes[place]} for score, place in zip(top, places.tolist(), strict=True)]

    def added(self, output: np.ndarray, kept: Rows) -> Rows:
        """With the scores of all classes."""
        return [
            {"label": row["label"], "score": row["score"], "scores": dict(zip(self._classes, scores, strict=True))}
            for row, scores in zip(kept, output.tolist(), strict=True)
        ]

    def columns(self, output: np.ndarray) -> dict[str, np.ndarray]:
        """Label and score; `scores_<class>` holds the score of a class."""
        each = output if len(output) else np.empty((0, len(self._classes)))
        labels = np.array(self._classes, dtype=object)[each.argmax(axis=1)]
        named = {f"scores_{name}": each[:, place] for place, name in enumerate(self._classes)}
        return {"label": labels, "score": each.max(axis=1, initial=0.0)} | named

    def as_mlflow(self, answers: Rows) -> list[Any]:
        """The scores of all classes."""
        return [[*answer["scores"].values()] for answer in answers]


class ValueAnswers:
    """Predictions of a model of a number."""

    shape = Value

    def __init__(self, contract: AnswerContract) -> None:
        self._half = contract.half_width or 0.0

    def logged(self, output: np.ndarray) -> Rows:
        """The value as `score`, and no label."""
        return [{"score": value, "label": None} for value in output.tolist()]

    def added(self, output: np.ndarray, kept: Rows) -> Rows:  # noqa: ARG002
        """The value and its interval."""
        half = self._half
        return [{"value": row["score"], "low": row["score"] - half, "high": row["score"] + half} for row in kept]

    def columns(self, output: np.ndarray) -> dict[str, np.ndarray]:
        """The value and its interval."""
        return {"value": output, "low": output - self._half, "high": output + self._half}

    def as_mlflow(self, answers: Rows) -> list[Any]:
        """The values."""
        return [answer["value"] for answer in answers]


ANSWERS = {BINARY.name: DecisionAnswers, MULTICLASS.name: ClassAnswers, REGRESSION.name: ValueAnswers}


def answers_of(contract: AnswerContract) -> Answers:
    """The predictions of a model with this contract."""
    return ANSWERS[contract.data.target.task](contract)
