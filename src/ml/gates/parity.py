"""Whether serving and `make score` give the scores of `evaluate`, to detect training/serving skew before a release."""

import json

import numpy as np
import pandas as pd

from ml.data.schema import features
from ml.gates.evidence import Answer, Evidence, Row
from ml.gates.verdict import Verdict
from ml.io.text import counted
from ml.model.gaps import gaps
from ml.settings.data import Data
from ml.settings.gates import Parity
from ml.settings.section import given


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on rows whose served score differs from that of `evaluate`, and on the form that serves them."""
    ways = {"parity": evidence.model.answer, "batch parity": evidence.model.tabled}
    found = [judged(gate, ask, evidence, given(evidence.params.gates.parity)) for gate, ask in ways.items()]
    if evidence.model.uncompiled:
        reason = f"scikit-learn serves the model, which is slower: {evidence.model.uncompiled}"
        found.append(Verdict("compiled form", passed=False, reason=reason, severity="warning"))
    return found


def judged(gate: str, ask: Answer, evidence: Evidence, rule: Parity) -> Verdict:
    """Compare the predictions of `ask` with the batch scores of the same rows."""
    data = evidence.params.data
    rows = as_requests(evidence.test, data, rule.rows)
    batch, served = evidence.score[: len(rows)], np.asarray(ask(rows), dtype="float64")
    if served.shape != batch.shape:
        return Verdict(
            gate,
            passed=False,
            reason=f"serving returned {counted(served.size, 'prediction')} for {counted(len(rows), 'row')}",
        )
    gap = np.nan_to_num(gaps(batch, served), nan=np.inf)
    worst = int(gap.argmax())
    flips = int(evidence.task.flips(batch, served).sum())
    passed = bool(gap[worst] <= rule.tolerance and not flips)
    pairs = np.stack([np.ravel(batch[worst]), np.ravel(served[worst])])
    one, other = pairs[:, np.abs(pairs[0] - pairs[1]).argmax()]
    answer = float(other) if np.isfinite(other) else None  # JSON has no NaN
    example = {"id": str(evidence.test[data.id].iloc[worst]), "batch": float(one), "served": answer}
    return Verdict(
        gate=gate,
        passed=passed,
        reason=f"batch and serving differ by at most {gap[worst]:.1e} on {counted(len(rows), 'row')}, "
        f"{'at or below' if passed else 'above'} {rule.tolerance:g}; {flips:,} with another decision"
        + ("" if passed else f" (furthest: {example['id']}, {one:.6f} against {other:.6f})"),
        value=float(gap[worst]) if np.isfinite(gap[worst]) else None,
        limit=f"≤ {rule.tolerance:g}",
        evidence=() if passed else (example,),
    )


def as_requests(frame: pd.DataFrame, data: Data, count: int) -> list[Row]:
    """The first `count` rows as a client sends them: features only, through JSON, missing values null."""
    rows = frame[features(data)].head(count).astype(object)
    return json.loads(json.dumps(rows.where(rows.notna(), None).to_dict("records")))
