"""Latency and parity of the real server over HTTP."""

from contextlib import ExitStack

from ml.gates import latency, parity
from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.io.errors import UserError
from ml.settings.section import given


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on the latency of one row and on rows with another score than in batch."""
    champion = evidence.champion
    models = [evidence.model]
    if champion and champion.served and not champion.same:
        models.append(champion.served)
    try:
        with ExitStack() as servers:
            answers = [servers.enter_context(model.server()) for model in models]
            return [
                *latency.judged("api", answers, evidence, given(evidence.params.gates.api)),
                parity.judged("api parity", answers[0], evidence, given(evidence.params.gates.api)),
            ]
    except UserError as error:
        return [Verdict("api", passed=False, reason=" ".join(str(error).split()))]
