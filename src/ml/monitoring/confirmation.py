"""Confirmation: whether a verdict has lasted long enough to act on it.

Each check may be wrong by chance, and a year has 365 checks. So alerts and retraining wait for `monitor.consecutive`
equal verdicts on the same model on successive days, unless the verdict is evident.
"""

from dataclasses import dataclass
from typing import Any

from ml.monitoring.drift import FLAGS


@dataclass(frozen=True)
class Past:
    """The model that is judged, the earlier verdicts (oldest first), and whether the new one is evident."""

    model: str
    verdicts: list[dict[str, Any]]
    evident: bool


def in_a_row(verdict: str, until: str, past: Past) -> int:
    """The number of successive days, including this one, whose last check has this verdict.

    A verdict of degradation counts for drift too. A check without a verdict neither counts nor ends the series.
    """
    if verdict not in FLAGS:
        return 0
    wanted = FLAGS[FLAGS.index(verdict) :]
    days, count = {until[:10]}, 1
    for look in reversed(past.verdicts):
        if look["model"] != past.model or look["simulated"]:
            break
        if look["until"][:10] in days or look["verdict"] == "not enough data":
            continue
        if look["verdict"] not in wanted:
            break
        days.add(look["until"][:10])
        count += 1
    return count
