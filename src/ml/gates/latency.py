"""The latency of one row in the serving predictor, compared with the champion on the same machine."""

from functools import partial

import numpy as np

from ml.gates.evidence import Answer, Evidence, Row
from ml.gates.parity import as_requests
from ml.gates.verdict import Verdict
from ml.io import cores
from ml.settings.gates import Latency
from ml.settings.section import given

WARM_UP = 5
ROUNDS = 3  # the best of them counts: a busy machine makes a model slower than it is, never faster
NOTICED_MS = 1.0  # a difference below this is not relevant


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on the median and the 99th percentile of single-row answers."""
    champion = evidence.champion
    answers = [evidence.model.answer]
    if champion and champion.served and not champion.same:
        answers.append(champion.served.answer)
    return judged("latency", answers, evidence, given(evidence.params.gates.latency))


def judged(gate: str, answers: list[Answer], evidence: Evidence, rule: Latency) -> list[Verdict]:
    """Verdicts on the latency of any predictor, and of the champion if there is one."""
    rows = as_requests(evidence.test, evidence.params.data, rule.calls)
    rounds = [milliseconds(answers, rows, rule.calls) for _ in range(ROUNDS)]
    return [
        _verdict(f"{gate} p50", np.percentile(rounds, 50, axis=2), rule.p50_ms, rule),
        _verdict(f"{gate} p99", np.percentile(rounds, 99, axis=2), rule.p99_ms, rule),
    ]


def milliseconds(answers: list[Answer], rows: list[Row], calls: int) -> np.ndarray:
    """The time of each single-row call of each predictor, in turns, so that a busy moment affects all.

    Shape (predictors, calls). The time for which a call waits for a core does not count; `pids` of an answer are the
    processes that compute it.
    """
    for answer in answers:
        for row in rows[:WARM_UP]:
            answer([row])
    timed = np.empty((len(answers), calls))
    for call in range(calls):
        for which, answer in enumerate(answers):
            asked = partial(answer, [rows[call % len(rows)]])
            timed[which, call] = 1000 * cores.seconds(asked, *getattr(answer, "pids", ()))
    return timed


def _verdict(gate: str, taken: np.ndarray, limit: float, rule: Latency) -> Verdict:
    """Too slow in milliseconds refuses, unless the champion is too slow here as well: then it is the machine."""
    value, *others = taken.min(axis=0).tolist()
    ratio = value / others[0] if others else None
    slow, slower = value > limit, ratio is not None and ratio > rule.growth and value > NOTICED_MS
    passed = not (slow or slower)
    excuse = slow and ratio is not None and others[0] > limit and ratio <= rule.growth
    beside = "there is no other model to compare with"
    if ratio is not None:
        beside = f"{ratio:.2f} times the champion's {others[0]:.2f} ms (allowed {rule.growth:g} times)"
    return Verdict(
        gate=gate,
        passed=passed,
        reason=f"one row takes {value:.2f} ms, the {gate.rsplit(maxsplit=1)[-1]} of {rule.calls:,} calls, "
        f"{'above' if slow else 'at or below'} {limit:g} ms, {beside}"
        f"{': the machine is slow, not the model' if excuse else ''}",
        value=value,
        limit=f"≤ {limit:g}",
        severity="warning" if excuse or (slower and not slow) else "critical",
    )
