"""Gates: each judges one property of the model and gives a reason with numbers; only a stage exits.

A module for each gate, with `judge(evidence)` in it; settings of the same name under `params.yaml: gates`.
`make prove` plants a fault for each gate that it must refuse.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ml.gates import (
    api,
    behaviour,
    calibration,
    champion,
    contract,
    decisions,
    fairness,
    freshness,
    latency,
    leakage,
    limits,
    parity,
    size,
    slices,
    stability,
)
from ml.gates.evidence import Evidence, ScoredChampion, ServedScores
from ml.gates.limits import absolute
from ml.gates.verdict import Verdict, refused, warned
from ml.io.locks import Locks
from ml.settings.params import Params

Gate = Callable[[Evidence], list[Verdict]]

GATES: Mapping[str, Gate] = MappingProxyType(
    {
        "contract": contract.judge,
        "limits": limits.judge,
        "decisions": decisions.judge,
        "champion": champion.judge,
        "stability": stability.judge,
        "slices": slices.judge,
        "fairness": fairness.judge,
        "behaviour": behaviour.judge,
        "calibration": calibration.judge,
        "size": size.judge,
        "latency": latency.judge,
        "parity": parity.judge,
        "api": api.judge,
        "leakage": leakage.judge,
        "freshness": freshness.judge,
    }
)


def judge(evidence: Evidence) -> list[Verdict]:
    """The verdicts of all enabled gates."""
    silent = off(evidence.params)
    return [verdict for name, gate in GATES.items() if name not in silent for verdict in gate(evidence)]


def off(params: Params) -> list[str]:
    """Names of the disabled gates: set to null, or without anything to judge."""
    settings = params.gates
    silent = [name for name in GATES if getattr(settings, name, True) is None]
    return silent + (["limits"] if settings.limits == {} else [])


__all__ = [
    "GATES",
    "Evidence",
    "Gate",
    "Locks",
    "ScoredChampion",
    "ServedScores",
    "Verdict",
    "absolute",
    "judge",
    "off",
    "refused",
    "warned",
]
