"""Whether serving answers what the batch path computes: training/serving skew, caught before it ships."""

import json

import numpy as np
import pandas as pd

from ml.gates.evidence import Evidence, Row
from ml.gates.verdict import Verdict
from ml.params import Data
from ml.schema import features


def judge(evidence: Evidence) -> list[Verdict]:
    """One verdict on the rows whose served answer is not the score that evaluate wrote."""
    rule, data = evidence.params.gates.parity, evidence.params.data
    rows = as_requests(evidence.test, data, rule.rows)
    batch, served = evidence.score[: len(rows)], np.asarray(evidence.model.answer(rows), dtype="float64")
    if served.shape != batch.shape:
        reason = f"serving gave {served.size:,} answers to {len(rows):,} rows"
        return [Verdict("parity", passed=False, reason=reason)]
    gap = np.where(np.isnan(served), np.inf, np.abs(served - batch))
    threshold, worst = evidence.params.evaluate.threshold, int(gap.argmax())
    flips = int(((served >= threshold) != (batch >= threshold)).sum())
    passed = bool(gap[worst] <= rule.tolerance and not flips)
    example = {
        "id": str(evidence.test[data.id].iloc[worst]),
        "batch": float(batch[worst]),
        "served": float(served[worst]),
    }
    return [
        Verdict(
            gate="parity",
            passed=passed,
            reason=f"batch and serving differ by at most {gap[worst]:.1e} on {len(rows):,} rows, "
            f"{'at or below' if passed else 'above'} {rule.tolerance:g}; {flips:,} decided otherwise"
            + ("" if passed else f" (furthest: {example['id']}, {batch[worst]:.6f} against {served[worst]:.6f})"),
            value=float(gap[worst]) if np.isfinite(gap[worst]) else None,
            limit=f"≤ {rule.tolerance:g}",
            evidence=() if passed else (example,),
        )
    ]


def as_requests(frame: pd.DataFrame, data: Data, count: int) -> list[Row]:
    """The first `count` rows as a client sends them: features only, through JSON, missing values null."""
    rows = frame[features(data)].head(count).astype(object)
    return json.loads(json.dumps(rows.where(rows.notna(), None).to_dict("records")))
