"""The prediction of a row in responses and in the log: score and label, a score per class, or value and interval.

The image has no pandas, so this module asks the contract which it is instead of ml.tasks.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ml.model.model_contract import Contract

Rows = list[dict[str, Any]]


def logged(contract: Contract) -> Callable[[np.ndarray], Rows]:
    """A function from the predictor's output to what the log holds of each row: `score` and `label`."""
    if contract.data.target.task == "binary":
        threshold = contract.threshold
        return lambda output: [{"score": score, "label": score >= threshold} for score in output.tolist()]
    if contract.data.target.task == "regression":
        return lambda output: [{"score": value, "label": None} for value in output.tolist()]
    classes = contract.data.target.classes

    def decided(output: np.ndarray) -> Rows:
        places = output.argmax(axis=1)
        top = output[np.arange(len(output)), places].tolist()
        return [{"score": score, "label": classes[place]} for score, place in zip(top, places.tolist(), strict=True)]

    return decided


def added(contract: Contract) -> Callable[[np.ndarray, Rows], Rows]:
    """A function from the output and what the log holds to what is answered of each row, but for id and model."""
    if contract.data.target.task == "binary":
        return lambda _, kept: kept
    if contract.data.target.task == "regression":
        half = contract.half_width or 0.0
        return lambda _, kept: [
            {"value": row["score"], "low": row["score"] - half, "high": row["score"] + half} for row in kept
        ]
    classes = contract.data.target.classes
    return lambda output, kept: [
        {"label": row["label"], "score": row["score"], "scores": dict(zip(classes, scores, strict=True))}
        for row, scores in zip(kept, output.tolist(), strict=True)
    ]


def columns(contract: Contract, output: np.ndarray) -> dict[str, np.ndarray]:
    """The same answers as the columns of a table, beside id and model; what a class is scored is `scores_<class>`."""
    if contract.data.target.task == "binary":
        return {"score": output, "label": output >= contract.threshold}
    if contract.data.target.task == "regression":
        half = contract.half_width or 0.0
        return {"value": output, "low": output - half, "high": output + half}
    classes = contract.data.target.classes
    each = output if len(output) else np.empty((0, len(classes)))
    labels = np.array(classes, dtype=object)[each.argmax(axis=1)]
    named = {f"scores_{name}": each[:, place] for place, name in enumerate(classes)}
    return {"label": labels, "score": each.max(axis=1, initial=0.0)} | named


def as_mlflow(contract: Contract, answers: Rows) -> list[Any]:
    """What MLflow's own server answers for this model: predict_proba's rows, or the values."""
    if contract.data.target.task == "binary":
        return [[1 - answer["score"], answer["score"]] for answer in answers]
    if contract.data.target.task == "regression":
        return [answer["value"] for answer in answers]
    return [[*answer["scores"].values()] for answer in answers]
