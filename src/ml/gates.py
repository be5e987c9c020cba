"""Gates: each judges one thing about the model and says why, with numbers; only a stage exits."""

from dataclasses import dataclass

from ml.params import Bound, Gates

Intervals = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Verdict:
    """What one gate found: `value` against `limit`, and a sentence that a person can act on."""

    gate: str
    passed: bool
    reason: str
    value: float | None = None
    limit: str = ""
    low: float | None = None
    high: float | None = None
    severity: str = "critical"  # a failed `warning` is reported and does not refuse the model


def absolute(measured: Intervals, rows: int, gates: Gates) -> list[Verdict]:
    """One verdict for each limit of each metric that `gates` names; `measured` holds value, low and high by metric."""
    return [
        _bounded(name, measured[name], rows, bound, side)
        for name, bound in gates.bounds().items()
        for side in ("min", "max")
        if getattr(bound, side) is not None
    ]


def refused(verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts that refuse the model."""
    return [v for v in verdicts if not v.passed and v.severity == "critical"]


def _bounded(name: str, metric: dict[str, float], rows: int, bound: Bound, side: str) -> Verdict:
    limit = getattr(bound, side)
    unfavourable = metric["low"] if side == "min" else metric["high"]
    judged = unfavourable if bound.judge == "interval" else metric["value"]
    passed = judged >= limit if side == "min" else judged <= limit
    relation = ("at or above" if passed else "below") if side == "min" else ("at or below" if passed else "above")
    subject = f"{name} {metric['value']:.3f}"
    if bound.judge == "interval":
        subject = f"{'lower' if side == 'min' else 'upper'} end {judged:.3f} of {subject}"
    word = "minimum" if side == "min" else "maximum"
    interval = f"interval {metric['low']:.3f}–{metric['high']:.3f}, {rows:,} rows"
    return Verdict(
        gate=name,
        passed=passed,
        reason=f"{subject} is {relation} the {word} {limit:.3f} ({interval})",
        value=metric["value"],
        limit=f"{'≥' if side == 'min' else '≤'} {limit:g}",
        low=metric["low"],
        high=metric["high"],
    )
