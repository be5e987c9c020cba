"""The record of training: the choice of the decision, a forest's out-of-bag score, a learning curve of boosting.

`train` writes it to build/training.json, and the report shows it.
"""

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from ml.io.saved import SavedRecord
from ml.tasks.chosen_cut import Chosen

MOST = 100  # points of a curve
OUT_OF_BAG = ("oob_decision_function_", "oob_prediction_")  # one number per training row, unused in prediction


class Curve(BaseModel):
    """The loss after each round of boosting on the rows that train, on those that are held back, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: str
    rounds: int  # that the model keeps
    points: list[dict[str, float]]  # round, training loss, held-back loss


class TrainingRecord(SavedRecord):
    """All of build/training.json."""

    threshold: Chosen | None = None
    out_of_bag: dict[str, float] | None = None  # by the name of the metric
    curve: Curve | None = None


class Watch:
    """Reads an estimator after it is fitted, before it is converted for storage."""

    def __init__(self) -> None:
        self.curve: Curve | None = None
        self.out_of_bag: dict[str, float] | None = None

    def see(self, estimator: Any) -> None:
        """Record the estimator's figures of its training."""
        score = getattr(estimator, "oob_score_", None)
        if isinstance(score, float):
            self.out_of_bag = {"accuracy" if hasattr(estimator, "classes_") else "R²": round(float(score), 6)}
        told = LOSSES.get(type(estimator).__module__.split(".")[0], _of_scikit_learn)(estimator)
        loss, sides, rounds = told or ("", {}, 0)
        sides = {name: [float(v) for v in values] for name, values in sides.items() if len(values)}
        if sides:
            length = max(map(len, sides.values()))
            places = np.unique(np.linspace(0, length - 1, min(MOST, length)).round().astype("int64")).tolist()
            points = [{"round": p + 1, **{n: round(v[p], 6) for n, v in sides.items() if p < len(v)}} for p in places]
            self.curve = Curve(loss=loss, rounds=rounds or length, points=points)

    def record(self, chosen: Chosen | None) -> TrainingRecord:
        """The record, with the decision that training chose."""
        return TrainingRecord(threshold=chosen, out_of_bag=self.out_of_bag, curve=self.curve)


Told = tuple[str, dict[str, Any], int] | None


def _of_scikit_learn(estimator: Any) -> Told:
    trained, held = getattr(estimator, "train_score_", ()), getattr(estimator, "validation_score_", ())
    if not len(trained):
        return None
    if hasattr(estimator, "n_iter_"):  # HistGradientBoosting: scores, and one before the first round
        return "loss", {"train": -np.asarray(trained)[1:], "held": -np.asarray(held)[1:]}, int(estimator.n_iter_)
    return "loss", {"train": trained}, len(trained)


def _of_lightgbm(estimator: Any) -> Told:
    found = getattr(estimator, "evals_result_", None) or {}
    for losses in found.values():
        name, values = next(iter(losses.items()))
        return name, {"held": values}, int(estimator.best_iteration_ or len(values))
    return None


def _of_xgboost(estimator: Any) -> Told:
    try:
        found = estimator.evals_result()
    except Exception:  # noqa: BLE001 - it raises where no rows were held back
        return None
    for losses in found.values():
        name, values = next(iter(losses.items()))
        return name, {"held": values}, int(getattr(estimator, "best_iteration", len(values) - 1)) + 1
    return None


def _of_catboost(estimator: Any) -> Told:
    found = estimator.get_evals_result()
    sides = {"train": found.get("learn", {}), "held": found.get("validation", {})}
    names = [name for losses in sides.values() for name in losses]
    return (
        (names[0], {side: losses.get(names[0], []) for side, losses in sides.items()}, estimator.tree_count_)
        if names
        else None
    )


LOSSES = {"lightgbm": _of_lightgbm, "xgboost": _of_xgboost, "catboost": _of_catboost}
