"""Whether serving answers what the batch path computes: training/serving skew, caught before it ships."""

import json

import numpy as np
import pandas as pd

from ml.data.schema import features
from ml.gates.evidence import Answer, Evidence, Row
from ml.gates.verdict import Verdict
from ml.settings.data import Data
from ml.settings.gates import Parity


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on the rows whose served answer is not the score that evaluate wrote, and on what answers them."""
    found = [judged("parity", evidence.model.answer, evidence, evidence.params.gates.parity)]
    if evidence.model.uncompiled:
        reason = f"scikit-learn itself answers, some 25 ms a row slower: {evidence.model.uncompiled}"
        found.append(Verdict("compiled form", passed=False, reason=reason, severity="warning"))
    return found


def judged(gate: str, ask: Answer, evidence: Evidence, rule: Parity) -> Verdict:
    """The same of any way to answer."""
    data = evidence.params.data
    rows = as_requests(evidence.test, data, rule.rows)
    batch, served = evidence.score[: len(rows)], np.asarray(ask(rows), dtype="float64")
    if served.shape != batch.shape:
        return Verdict(gate, passed=False, reason=f"serving gave {served.size:,} answers to {len(rows):,} rows")
    gap = np.where(np.isnan(served), np.inf, np.abs(served - batch))
    threshold, worst = evidence.params.evaluate.threshold, int(gap.argmax())
    flips = int(((served >= threshold) != (batch >= threshold)).sum())
    passed = bool(gap[worst] <= rule.tolerance and not flips)
    answer = float(served[worst]) if np.isfinite(served[worst]) else None  # JSON has no NaN
    example = {"id": str(evidence.test[data.id].iloc[worst]), "batch": float(batch[worst]), "served": answer}
    return Verdict(
        gate=gate,
        passed=passed,
        reason=f"batch and serving differ by at most {gap[worst]:.1e} on {len(rows):,} rows, "
        f"{'at or below' if passed else 'above'} {rule.tolerance:g}; {flips:,} decided otherwise"
        + ("" if passed else f" (furthest: {example['id']}, {batch[worst]:.6f} against {served[worst]:.6f})"),
        value=float(gap[worst]) if np.isfinite(gap[worst]) else None,
        limit=f"≤ {rule.tolerance:g}",
        evidence=() if passed else (example,),
    )


def as_requests(frame: pd.DataFrame, data: Data, count: int) -> list[Row]:
    """The first `count` rows as a client sends them: features only, through JSON, missing values null."""
    rows = frame[features(data)].head(count).astype(object)
    return json.loads(json.dumps(rows.where(rows.notna(), None).to_dict("records")))
