"""A fault that a gate must catch, beside a good neighbour that it must let pass."""

from collections.abc import Callable
from dataclasses import dataclass

from ml.gates import Evidence
from tests.gates.world import good


@dataclass(frozen=True)
class Fault:
    """Something planted that `gate` must answer with the verdict named `verdict`; `good` lies just inside the limit."""

    gate: str
    verdict: str
    what: str
    bad: Callable[[], Evidence]
    good: Callable[[], Evidence] = good
    severity: str = "critical"
