"""The metrics of each kind of target, and whether higher is better: the only list of them. How many rows they need."""

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
        "coverage": True,
    },
}
LIVE = {"multiclass": ("accuracy",), "regression": ("mae", "rmse", "r2", "median_absolute_error", "wape")}
FEWEST = 20  # rows of each class: with fewer, no metric is judged anywhere
HIGHER_IS_BETTER = {name: higher for of in METRICS.values() for name, higher in of.items()}
Metric = Literal[tuple(HIGHER_IS_BETTER)]  # ty: ignore[invalid-type-form]  (the names are written once, above)
