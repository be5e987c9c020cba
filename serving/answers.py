"""The types of a prediction, for the OpenAPI document."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from ml.model.model_contract import Contract


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


KINDS = {"binary": Decision, "multiclass": Class, "regression": Value}


def kind(contract: Contract) -> Any:
    """The type of one answer, for the OpenAPI document."""
    return KINDS[contract.data.target.task]
