"""The only list of metrics by kind of target, whether higher is better, and how many rows they need."""

from typing import Literal

METRICS = {
    "binary": {
        "accuracy": True,
        "balanced_accuracy": True,
        "f1": True,
        "roc_auc": True,
        "pr_auc": True,
        "log_loss": False,
        "brier": False,
        "calibration_error": False,
    },
    "multiclass": {
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
        "log_loss": False,
        "brier": False,
        "calibration_error": False,
    },
    "regression": {
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
}
TOP = {f"top_{k}_accuracy": k for k in (2, 3, 5)}  # measured only with more classes than this
OF_INTERVALS = frozenset({"pinball_loss", "coverage", "interval_width"})  # only for a model with an interval
IN_UNITS = frozenset({"mae", "rmse", "median_absolute_error"})  # of the target: their margins are shares of them
LIVE = {"multiclass": ("accuracy",), "regression": ("mae", "rmse", "r2", "median_absolute_error", "wape", "mape")}
FEWEST = 20  # rows of each class: with fewer, no metric is judged anywhere


def known(kind: str, classes: int = 0) -> tuple[str, ...]:
    """The metrics of a kind of target with this number of classes."""
    return tuple(name for name in METRICS[kind] if TOP.get(name, 0) < classes or name not in TOP)


HIGHER_IS_BETTER = {name: higher for of in METRICS.values() for name, higher in of.items()}
Metric = Literal[tuple(HIGHER_IS_BETTER)]  # ty: ignore[invalid-type-form]  (the names are written once, above)
