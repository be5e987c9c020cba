"""Whether a verdict has been the same for long enough to act on it.

Each look may be wrong by chance, and a year has 365 of them. So alerts and retraining wait until `monitor.consecutive`
looks in a row, each on another day, have said the same of the same model, unless the verdict is evident.
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
    """Days in a row whose last look was flagged as this one is, itself included.

    A look that found the model degraded counts for drift too. One that could not judge neither counts nor ends it.
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
