"""Whether a model's predictions distinguish rows: every class is predicted for some rows, and numbers differ."""

from dataclasses import dataclass

import numpy as np

from ml.io.text import counted, figure

SMALLEST = 1e-7  # deviation of a number whose variance is below the precision of scikit-learn's trees
NEARLY = 0.05  # predictions of a class, as a share of its rows


@dataclass(frozen=True)
class Spread:
    """Whether the predictions differ enough, with the reason and a figure."""

    passed: bool
    reason: str
    value: float | None = None


def of_sides(truth: np.ndarray, decided: np.ndarray, threshold: float) -> Spread:
    """Whether both classes are predicted; with a rare class, a model that predicts only negatives passes most gates."""
    rows, yes, positive = len(truth), int(decided.sum()), int(truth.sum())
    counts = {"positive": (yes, positive, "lower"), "negative": (rows - yes, rows - positive, "raise")}
    for side, (found, there, how) in counts.items():
        if found == 0 or found < NEARLY * there:
            reason = (
                f"{found:,} of {counted(rows, 'row')} are decided {side}, but {there:,} are {side}: "
                "accuracy, f1, stability, fairness and McNemar's test are not informative for "
                f"such a model. {how.capitalize()} evaluate.threshold ({threshold:g}), "
                f"or judge it by roc_auc, pr_auc, log_loss or brier"
            )
            return Spread(passed=False, reason=reason, value=yes / rows)
    reason = f"{yes:,} of {counted(rows, 'row')} are decided positive and {positive:,} are positive"
    return Spread(passed=True, reason=reason, value=yes / rows)


def of_classes(truth: np.ndarray, decided: np.ndarray, classes: tuple[str, ...]) -> Spread:
    """Whether every class with rows is predicted at least sometimes."""
    said, there = (np.bincount(places, minlength=len(classes)) for places in (decided, truth))
    never = [name for name, d, t in zip(classes, said, there, strict=True) if d < NEARLY * t]
    if never:
        reason = f"almost no row is decided {', '.join(never)}: accuracy is not informative for such a model"
        return Spread(passed=False, reason=reason)
    return Spread(passed=True, reason="every class is decided for some rows")


def of_numbers(truth: np.ndarray, values: np.ndarray) -> Spread:
    """Whether the predicted numbers differ at all."""
    told, there = float(values.std()), float(truth.std())
    passed = told >= NEARLY * there
    says = "differ" if passed else "hardly differ, so the model is little better than the mean"
    reason = f"the predictions {says}: their standard deviation is {figure(told)}, that of the target {figure(there)}"
    if not passed and there < SMALLEST:
        reason += ". scikit-learn's trees see no difference in numbers so small: give the target in a smaller unit"
    return Spread(passed=passed, reason=reason, value=told)
