"""How long one row takes in the predictor as it will be served, beside the champion on the same machine."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from ml.gate_params import Latency
from ml.gates.evidence import Evidence, Row
from ml.gates.parity import as_requests
from ml.gates.verdict import Verdict

WARM_UP = 5
Answer = Callable[[list[Row]], Sequence[float]]


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on the median and the 99th percentile of single-row answers."""
    rule, champion = evidence.params.gates.latency, evidence.champion
    rows = as_requests(evidence.test, evidence.params.data, rule.calls)
    answers = [evidence.model.answer]
    if champion and champion.served and not champion.same:
        answers.append(champion.served.answer)
    timed = milliseconds(answers, rows, rule.calls)
    return [_verdict(name, percentile, timed, rule) for name, percentile in (("p50", 50), ("p99", 99))]


def milliseconds(answers: list[Answer], rows: list[Row], calls: int) -> list[np.ndarray]:
    """Time of each single-row call of each predictor, by turns, so that a busy moment of the machine hits all."""
    for answer in answers:
        for row in rows[:WARM_UP]:
            answer([row])
    timed = np.empty((len(answers), calls))
    for call in range(calls):
        for which, answer in enumerate(answers):
            started = time.perf_counter()
            answer([rows[call % len(rows)]])
            timed[which, call] = 1000 * (time.perf_counter() - started)
    return list(timed)


def _verdict(name: str, percentile: int, timed: list[np.ndarray], rule: Latency) -> Verdict:
    """Too slow in milliseconds refuses, unless the champion is as slow here: then it is the machine."""
    limit = getattr(rule, f"{name}_ms")
    value, *others = (float(np.percentile(t, percentile)) for t in timed)
    ratio = value / others[0] if others else None
    slow, slower = value > limit, ratio is not None and ratio > rule.growth
    passed = not (slow or slower)
    beside = (
        "no other model to compare with" if ratio is None else f"{ratio:.2f} times the champion's {others[0]:.2f} ms"
    )
    excuse = slow and ratio is not None and not slower
    return Verdict(
        gate=f"latency {name}",
        passed=passed,
        reason=f"one row takes {value:.2f} ms at the {percentile}th percentile of {rule.calls:,} calls, "
        f"{'above' if slow else 'at or below'} {limit:g} ms, {beside} (allowed {rule.growth:g} times)"
        f"{': the machine is slow, not the model' if excuse else ''}",
        value=value,
        limit=f"≤ {limit:g}",
        severity="warning" if excuse or (slower and not slow) else "critical",
    )
