"""Champion against challenger on one part of the rows that neither has trained on."""

from dataclasses import dataclass

import numpy as np

from ml.settings.metrics import FEWEST
from ml.settings.params import Params
from ml.settings.section import given
from ml.tasks.choose import task_of
from ml.tasks.duel import compare
from ml.tasks.task import Scored


@dataclass(frozen=True)
class Found:
    """The comparison on one part: each side's metric, the challenger's advantage, and whether it refuses."""

    part: str
    rows: int
    metric: str
    outcome: str
    refused: bool
    reason: str
    old: float | None = None
    new: float | None = None
    low: float | None = None
    high: float | None = None


def judge(part: str, version: str, sides: tuple[Scored, Scored], params: Params) -> Found:
    """What champion's and challenger's scores of a part say; gates.champion sets metric, margin and refusal."""
    rule, label = given(params.gates.champion), sides[0].label
    rows, task = len(label), task_of(params.data)
    if not task.enough(label, FEWEST):
        few = f"not enough evidence: the {part} test rows hold {task.counts(label)}"
        refused = "not enough evidence" in rule.refuse
        return Found(part, rows, rule.metric, "not enough evidence", refused, few)
    found = compare(sides[0], sides[1], rule)
    old, new = (float(side.measure(np.ones(rows))[rule.metric]) for side in sides)
    reason = (
        f"{found.outcome} on {rows:,} {part} test rows: {rule.metric} {new:.4f} against {old:.4f} of "
        f"{version} (advantage {found.low:+.4f} to {found.high:+.4f}, margin {rule.margin:g})"
    )
    refused = found.outcome in rule.refuse
    return Found(part, rows, rule.metric, found.outcome, refused, reason, old, new, found.low, found.high)
