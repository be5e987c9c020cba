"""How large the model that ships is, in itself and beside the champion."""

from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict


def judge(evidence: Evidence) -> list[Verdict]:
    """One verdict on the bytes that serving has to load."""
    rule, size, champion = evidence.params.gates.size, evidence.model.size / 1e6, evidence.champion
    beside = champion.served.size / 1e6 if champion and champion.served else None
    limit = rule.max_mb if beside is None else min(rule.max_mb, rule.growth * beside)
    against = (
        "" if beside is None else f"; {champion.version} has {beside:.2f} MB and may be outgrown {rule.growth:g}-fold"
    )
    return [
        Verdict(
            gate="size",
            passed=size <= limit,
            reason=f"the model has {size:.2f} MB, {'at or below' if size <= limit else 'above'} {limit:.2f} MB "
            f"(maximum {rule.max_mb:g} MB{against})",
            value=size,
            limit=f"≤ {limit:.4g}",
        )
    ]
