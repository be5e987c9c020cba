"""Absolute limits: any metric, a minimum or a maximum, judged on its value or on its interval."""

from collections.abc import Mapping
from dataclasses import replace

from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.io.text import counted, figure
from ml.settings.gates import Bound, Gates
from ml.settings.metric_names import FEWEST
from ml.tasks.choose import task_of

Interval = Mapping[str, float | None]
Intervals = Mapping[str, Interval]


def judge(evidence: Evidence) -> list[Verdict]:
    """One verdict for each limit that params.gates sets on a metric."""
    found = absolute(evidence.intervals, len(evidence.label), evidence.params.gates)
    task = task_of(evidence.params.data)
    if task.enough(evidence.label, FEWEST):
        return found
    lack = f"{task.counts(evidence.label)} ({task.too_few(2 * FEWEST, FEWEST)})"
    few = f"; {lack}: so few rows say little, and so does the interval; more rows are needed"
    return [v if v.value is None else replace(v, reason=v.reason + few) for v in found]


def absolute(measured: Intervals, rows: int, gates: Gates) -> list[Verdict]:
    """One verdict for each limit of each metric that `gates` names; `measured` holds value, low and high by metric."""
    return [v for name, bound in gates.bounds().items() for v in bounded(name, measured[name], rows, bound)]


def bounded(name: str, measured: Interval, rows: int, bound: Bound) -> list[Verdict]:
    """One verdict for each limit of `bound`; `measured` holds value, low and high."""
    return [_one_side(name, measured, rows, bound, s) for s in ("min", "max") if getattr(bound, s) is not None]


def _one_side(name: str, measured: Interval, rows: int, bound: Bound, side: str) -> Verdict:
    limit, sign = getattr(bound, side), "≥" if side == "min" else "≤"
    if measured["value"] is None:
        reason = f"{name} cannot be judged: all {counted(rows, 'test row')} have one class, or have one value"
        return Verdict(gate=name, passed=False, reason=reason, limit=f"{sign} {limit:g}")
    unfavourable = measured["low"] if side == "min" else measured["high"]
    judged = unfavourable if bound.judge == "interval" else measured["value"]
    passed = judged >= limit if side == "min" else judged <= limit
    relation = ("at or above" if passed else "below") if side == "min" else ("at or below" if passed else "above")
    subject = f"{name} {figure(measured['value'])}"
    if bound.judge == "interval":
        subject = f"{'lower' if side == 'min' else 'upper'} end {figure(judged)} of {subject}"
    word = "minimum" if side == "min" else "maximum"
    interval = f"interval {figure(measured['low'])}–{figure(measured['high'])}, {counted(rows, 'row')}"
    return Verdict(
        gate=name,
        passed=bool(passed),
        reason=f"{subject} is {relation} the {word} {figure(limit)} ({interval})",
        value=measured["value"],
        limit=f"{sign} {limit:g}",
        low=measured["low"],
        high=measured["high"],
    )
