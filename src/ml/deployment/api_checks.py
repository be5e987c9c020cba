"""Checks of a running API; each check gives its result as a sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

import numpy as np

from ml.deployment.answers_record import AnswersRecord
from ml.io import cores
from ml.io.client import Client
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model.gaps import gaps
from ml.model.parts import CHAMPION
from ml.settings.gates import Api

ROUNDS = 3  # as in the gate `api`


@dataclass(frozen=True)
class ApiCheck:
    """One check and its result."""

    name: str
    passed: bool
    reason: str


def tried(name: str, check: Callable[[], str]) -> ApiCheck:
    """The check with the result of `check`; a UserError is a failure."""
    try:
        return ApiCheck(name, True, check())
    except UserError as error:
        return ApiCheck(name, False, " ".join(str(error).split()))


def table(checks: list[ApiCheck]) -> str:
    """The checks for a terminal."""
    width = max(len(check.name) for check in checks)
    return "\n".join(f"{'passed' if c.passed else 'FAILED'}  {c.name.ljust(width)}  {c.reason}" for c in checks)


def answers(client: Client, recorded: AnswersRecord, rule: Api, *pids: int) -> list[ApiCheck]:
    """The checks for every deployed API: recorded predictions, refusal of invalid rows, latency.

    `pids` are its processes on this machine.
    """
    return [
        tried("recorded answers", lambda: same(client, recorded, rule.tolerance)),
        tried("refuses nonsense", lambda: refuses(client, recorded)),
        tried("latency", lambda: fast(client, recorded, rule, *pids)),
    ]


def same(client: Client, recorded: AnswersRecord, tolerance: float) -> str:
    """The API gives the recorded scores; raises UserError naming the row with the largest difference.

    Numbers are compared relative to their size, as in the gate parity.
    """
    found = np.array(client.outputs(recorded.rows))
    gap = gaps(np.array(recorded.scores), found)
    worst = int(gap.argmax())
    if not gap[worst] <= tolerance:
        wrong, was = int((gap > tolerance).sum()), recorded.scores[worst]
        raise UserError(
            f"{wrong:,} of {counted(len(gap), 'row')} differ from the recorded answers, largest at row {worst}: "
            f"{found[worst]} instead of {was}"
        )
    return f"{counted(len(gap), 'row')} within {gap[worst]:.1e}"


def refuses(client: Client, recorded: AnswersRecord) -> str:
    """Check that a row that breaks the contract gets 422."""
    row = dict.fromkeys(recorded.rows[0], "nonsense")
    status, _ = client.ask("POST", "/predict", {"rows": [row]})
    if status != HTTPStatus.UNPROCESSABLE_ENTITY:
        raise UserError(f"an invalid row gets {status}, not 422")
    return "422 for an invalid row"


def fast(client: Client, recorded: AnswersRecord, rule: Api, *pids: int) -> str:
    """Check that the latency of single rows is within the limits of params.gates.api.

    Slow calls are measured again, because a busy machine makes a server slower, never faster; a median above its limit
    is no busy moment.
    """
    for _ in range(ROUNDS):
        asked = (partial(client.predict, [recorded.rows[call % len(recorded.rows)]]) for call in range(rule.calls))
        p50, p99 = np.percentile([1000 * cores.seconds(one, *pids) for one in asked], [50, 99])
        said = f"p50 {p50:.1f} ms (limit {rule.p50_ms:g}), p99 {p99:.1f} ms (limit {rule.p99_ms:g})"
        if p50 > rule.p50_ms:
            break
        if p99 <= rule.p99_ms:
            return f"{said} of {rule.calls:,} calls"
    raise UserError(f"too slow: {said} of {rule.calls:,} calls")


def identity(client: Client, labels: dict[str, str]) -> str:
    """Check that the served model is the one in the image's labels."""
    _, shown = client.ask("GET", "/model")
    champion = shown[CHAMPION]
    origin = champion["lineage"] or {}
    said = {
        "ml.model.digest": champion["digest"],
        "ml.data.digest": (origin.get("data") or {}).get("md5") or "unknown",
        "ml.model.version": str(origin.get("version") or "unregistered"),
    }
    wrong = [
        f"{name}: label {labels.get(name)}, API {value}" for name, value in said.items() if labels.get(name) != value
    ]
    if wrong:
        raise UserError(f"labels and GET /model differ: {'; '.join(wrong)}")
    return f"labels and GET /model name model {champion['digest'][:12]}, version {said['ml.model.version']}"
