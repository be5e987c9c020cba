"""The kinds of target: their names, metrics and settings in params.yaml. Imports nothing of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Name = Literal["binary", "multiclass", "regression"]


class DecisionRule(Protocol):
    """The rule of decisions on scores: params.evaluate, the contract of a model, or the reference of a release."""

    @property
    def threshold(self) -> float:
        """The lowest score of a positive decision."""
        ...


@dataclass(frozen=True)
class Kind:
    """The properties that settings depend on; `ml.tasks.choose` has the Task of each kind."""

    name: Name
    fields: tuple[str, ...]  # of data.target, besides `name` and `task`
    metrics: Mapping[str, bool]  # name: whether higher is better
    metric: str  # by which models are compared unless a setting names another
    chance: Mapping[str, Any]  # the limit of a model that is significantly better than chance
    linear: str  # the short name of its linear estimator
    live: tuple[str, ...] = ()  # the metrics that labels of predictions determine; empty means all
    numeric: bool = False  # whether the target holds numbers
    listed: bool = False  # whether the contract lists the classes
    sides: tuple[str, ...] = ()  # the names of the two decisions in settings

    def labels(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """The names of a row's decision in settings, none for numbers; `classes` are those of the contract."""
        return classes if self.listed else self.sides

    def places(self, classes: tuple[str, ...]) -> tuple[str, ...]:
        """The same in the order of the truth: of two sides 0 is the negative one."""
        return classes or self.sides[::-1]

    def told(self) -> tuple[str, ...]:
        """The metrics that labels of predictions determine."""
        return self.live or (*self.metrics,)


OF_SCORES = {"log_loss": False, "brier": False, "calibration_error": False}
RANKS = {"roc_auc": {"min": 0.5, "judge": "interval"}}
BINARY = Kind(
    name="binary",
    fields=("positive",),
    metrics={
        "accuracy": True,
        "balanced_accuracy": True,
        "f1": True,
        "roc_auc": True,
        "pr_auc": True,
        **OF_SCORES,
    },
    metric="roc_auc",
    chance=RANKS,
    linear="logistic_regression",
    sides=("positive", "negative"),
)
MULTICLASS = Kind(
    name="multiclass",
    fields=("classes",),
    metrics={
        "accuracy": True,
        "balanced_accuracy": True,
        "macro_f1": True,
        "weighted_f1": True,
        "lowest_recall": True,
        "lowest_precision": True,
        "top_2_accuracy": True,
        "top_3_accuracy": True,
        "top_5_accuracy": True,
        "roc_auc": True,
        **OF_SCORES,
    },
    metric="roc_auc",
    chance=RANKS,
    linear="logistic_regression",
    live=("accuracy",),
    listed=True,
)
REGRESSION = Kind(
    name="regression",
    fields=("min", "max", "unit"),
    metrics={
        "mae": False,
        "rmse": False,
        "r2": True,
        "median_absolute_error": False,
        "wape": False,
        "mape": False,
        "pinball_loss": False,
        "coverage": True,
        "interval_width": False,
    },
    metric="mae",
    chance={"r2": {"min": 0.0, "judge": "interval"}},
    linear="ridge",
    live=("mae", "rmse", "r2", "median_absolute_error", "wape", "mape"),
    numeric=True,
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (BINARY, MULTICLASS, REGRESSION)}
DEFAULT = BINARY  # of a contract without a task
