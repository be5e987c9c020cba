"""A fault that a gate must catch, with a control that it must pass: similar, without the fault."""

from collections.abc import Callable
from dataclasses import dataclass

from ml.gates import Evidence
from tests.gates.world import good


@dataclass(frozen=True)
class Fault:
    """Evidence that `gate` must fail in the verdict `verdict`; the control `good` is just inside the limit."""

    gate: str
    verdict: str
    what: str
    bad: Callable[[], Evidence]
    good: Callable[[], Evidence] = good
    severity: str = "critical"
