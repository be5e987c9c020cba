"""Whether the model decides at all: where one class is rare, a model that always says no passes most gates."""

import numpy as np

from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.io.text import counted
from ml.tasks.choose import task_of
from ml.tasks.multiclass import Multiclass as Task

NEARLY = 0.05  # decided so, as a share of the rows that are so


def judge(evidence: Evidence) -> list[Verdict]:
    """A warning when none, or nearly none, of the test rows are decided positive, or negative."""
    task = task_of(evidence.params.data)
    if not task.decides:
        return []  # a number is no decision
    if isinstance(task, Task):
        return [_classes(evidence, task)]
    rows, limit = len(evidence.label), evidence.params.evaluate.threshold
    yes, positive = int((evidence.score >= limit).sum()), int(evidence.label.sum())
    counts = {"positive": (yes, positive, "lower"), "negative": (rows - yes, rows - positive, "raise")}
    for side, (decided, there, how) in counts.items():
        if decided == 0 or decided < NEARLY * there:
            reason = (
                f"{decided:,} of {counted(rows, 'row')} are decided {side} and {there:,} are: accuracy, f1, "
                "stability, fairness "
                f"and McNemar's test say little about such a model. {how.capitalize()} evaluate.threshold ({limit:g}), "
                f"or judge it by roc_auc, pr_auc, log_loss or brier"
            )
            return [Verdict("decisions", passed=False, reason=reason, value=yes / rows, severity="warning")]
    reason = f"{yes:,} of {counted(rows, 'row')} are decided positive and {positive:,} are"
    return [Verdict("decisions", passed=True, reason=reason, value=yes / rows, severity="warning")]


def _classes(evidence: Evidence, task: Task) -> Verdict:
    """Whether every class that has test rows is decided at least sometimes."""
    decided = np.bincount(task.decide(evidence.score, 0), minlength=len(task.classes))
    there = np.bincount(evidence.label, minlength=len(task.classes))
    never = [name for name, d, t in zip(task.classes, decided, there, strict=True) if d < NEARLY * t]
    if never:
        reason = f"nearly no row is decided {', '.join(never)}: accuracy says little about such a model"
        return Verdict("decisions", passed=False, reason=reason, severity="warning")
    return Verdict("decisions", passed=True, reason="every class is decided for some rows", severity="warning")
