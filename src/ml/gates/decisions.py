"""Whether the model predicts all classes: with a rare class, a model that always predicts no passes most gates."""

import numpy as np

from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.io.text import counted
from ml.tasks.choose import task_of
from ml.tasks.multiclass import Multiclass as Task

SMALLEST = 1e-7  # deviation of a number: its variance is beyond the digits that scikit-learn's trees split by
NEARLY = 0.05  # decided so, as a share of the rows that are so


def judge(evidence: Evidence) -> list[Verdict]:
    """A warning if almost no test rows get one of the decisions, or if almost all predicted numbers are equal."""
    task = task_of(evidence.params.data)
    if not task.decides:
        return [_numbers(evidence)]
    if isinstance(task, Task):
        return [_classes(evidence, task)]
    rows, limit = len(evidence.label), evidence.params.evaluate.threshold
    yes, positive = int((evidence.score >= limit).sum()), int(evidence.label.sum())
    counts = {"positive": (yes, positive, "lower"), "negative": (rows - yes, rows - positive, "raise")}
    for side, (decided, there, how) in counts.items():
        if decided == 0 or decided < NEARLY * there:
            reason = (
                f"{decided:,} of {counted(rows, 'row')} are decided {side} and {there:,} are: "
                "accuracy, f1, stability, fairness and McNemar's test are not informative for "
                f"such a model. {how.capitalize()} evaluate.threshold ({limit:g}), "
                f"or judge it by roc_auc, pr_auc, log_loss or brier"
            )
            return [Verdict("decisions", passed=False, reason=reason, value=yes / rows, severity="warning")]
    reason = f"{yes:,} of {counted(rows, 'row')} are decided positive and {positive:,} are"
    return [Verdict("decisions", passed=True, reason=reason, value=yes / rows, severity="warning")]


def _numbers(evidence: Evidence) -> Verdict:
    """Whether the predicted numbers differ at all."""
    told, there = float(evidence.score.std()), float(evidence.label.std())
    passed = told >= NEARLY * there
    says = "differ" if passed else "hardly differ, so the model is little better than the mean"
    reason = f"the predictions {says}: their standard deviation is {told:.4g}, that of the target {there:.4g}"
    if not passed and there < SMALLEST:
        reason += ". scikit-learn's trees see no difference in numbers so small: give the target in a smaller unit"
    return Verdict("decisions", passed=passed, reason=reason, value=told, severity="warning")


def _classes(evidence: Evidence, task: Task) -> Verdict:
    """Whether every class that has test rows is decided at least sometimes."""
    decided = np.bincount(task.decide(evidence.score, 0), minlength=len(task.classes))
    there = np.bincount(evidence.label, minlength=len(task.classes))
    never = [name for name, d, t in zip(task.classes, decided, there, strict=True) if d < NEARLY * t]
    if never:
        reason = f"almost no row is decided {', '.join(never)}: accuracy is not informative for such a model"
        return Verdict("decisions", passed=False, reason=reason, severity="warning")
    return Verdict("decisions", passed=True, reason="every class is decided for some rows", severity="warning")
