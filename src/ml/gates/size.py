"""The size of the model, absolute and relative to the champion."""

from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.settings.section import given


def judge(evidence: Evidence) -> list[Verdict]:
    """One verdict on the bytes that serving has to load: too many refuse, many more than the champion's warn."""
    rule, champion = given(evidence.params.gates.size), evidence.champion
    size = evidence.model.size / 1e6
    times = evidence.model.size / champion.served.size if champion and champion.served else None
    version = champion.version if champion else ""
    large, grown = size > rule.max_mb, times is not None and times > rule.growth
    beside = "" if times is None else f"; {times:.2f} times {version} (more than {rule.growth:g} warns)"
    return [
        Verdict(
            gate="size",
            passed=not (large or grown),
            reason=f"the model has {size:.2f} MB, {'above' if large else 'at or below'} {rule.max_mb:g} MB{beside}",
            value=size,
            limit=f"≤ {rule.max_mb:g}",
            severity="warning" if grown and not large else "critical",
        )
    ]
