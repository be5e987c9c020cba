"""How many rows change side: a model may be as good as the champion and yet decide about other people."""

from scipy.stats import binomtest

from ml.gates.champion import COLD, threshold
from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.io.text import counted
from ml.settings.section import given
from ml.tasks.choose import task_of


def judge(evidence: Evidence) -> list[Verdict]:
    """One verdict on the share of test rows that champion and challenger decide differently."""
    rule, champion = given(evidence.params.gates.stability), evidence.champion
    if champion is None:
        return [Verdict("stability", passed=True, reason=f"cold start: {COLD}")]
    if champion.score is None:
        reason = f"{champion.version} is not compared: {champion.why}"
        return [Verdict("stability", passed=False, reason=reason, severity="warning")]
    theirs, ours = threshold(champion.params, evidence.params), evidence.params.evaluate.threshold
    rows, moved = len(evidence.score), "" if theirs == ours else f" (threshold {theirs:g}, now {ours:g})"
    flips = int(task_of(evidence.params.data).flips(champion.score, evidence.score, (theirs, ours)).sum())
    interval = binomtest(flips, rows).proportion_ci(evidence.params.evaluate.confidence)
    passed = flips / rows <= rule.max_flips
    doubt = "" if passed or interval.low > rule.max_flips else ", but the rows are too few to be sure"
    return [
        Verdict(
            gate="stability",
            passed=passed,
            reason=f"{flips:,} of {counted(rows, 'row')} change side against {champion.version}{moved}, "
            f"{flips / rows:.1%}: "
            f"{'at or below' if passed else 'above'} the maximum {rule.max_flips:.1%}{doubt} "
            f"(interval {interval.low:.1%} to {interval.high:.1%})",
            value=flips / rows,
            limit=f"≤ {rule.max_flips:g}",
            low=float(interval.low),
            high=float(interval.high),
            severity="warning" if doubt else "critical",
        )
    ]
