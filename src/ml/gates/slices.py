"""Slices of the table judged separately, because a good average can hide a group with bad results.

A slice is compared with the champion on the same rows, not with all rows: within a slice of a strong predictor less
information is left, so even true probabilities rank worse there.
"""

import numpy as np
from scipy.stats import norm

from ml.data.design import design_of
from ml.data.others import pooled
from ml.gates import champion
from ml.gates.evidence import Evidence
from ml.gates.slicing import Rival, Slice, measured
from ml.gates.verdict import Verdict
from ml.io import files
from ml.io.text import counted, figure
from ml.settings.gates import Slices
from ml.settings.metric_names import HIGHER_IS_BETTER
from ml.settings.section import given
from ml.tasks.task import Task

NAMED = 6  # small slices that are named; with thirty columns there are more than a hundred


def judge(evidence: Evidence) -> list[Verdict]:
    """For each column a verdict on its worst slice, and one that names the slices too small to judge."""
    rule = given(evidence.params.gates.slices)
    columns = list(rule.columns or evidence.params.data.columns)
    rival = _rival(evidence)
    design = design_of(evidence.test, evidence.params.data)
    test = pooled(evidence.test, evidence.params.data)
    found = measured(test[columns], evidence.label, evidence.score, evidence.params, rival, design)
    worsts = [worst([s for s in found if s.column == c and s.judged], rule, rival) for c in columns]
    return [verdict for verdict in worsts if verdict] + _unjudged(
        [s for s in found if not s.judged], rule, evidence.task
    )


def _rival(evidence: Evidence) -> Rival | None:
    theirs, params = evidence.champion, evidence.params
    if theirs is None or theirs.score is None:
        return None
    same_data = theirs.data == evidence.data
    rows, doubt = champion.unseen(evidence.test, params, theirs.params, same_data=same_data)
    task = champion.task_of_champion(theirs.params, params)
    return Rival(theirs.version, theirs.score, task, rows, doubt if rows.all() else "")


def worst(slices: list[Slice], rule: Slices, rival: Rival | None) -> Verdict | None:
    """A refused slice comes before one that is further behind but not significantly."""
    if not slices:
        return None
    sign = 1 if HIGHER_IS_BETTER[rule.metric] else -1
    found = max(slices, key=lambda s: (_failed(s, rule), -np.nan_to_num(s.gain), -sign * s.value))
    failed, beyond = _failed(found, rule), found.gain < -found.margin
    unsure = beyond and not failed
    seen = bool(rival and rival.doubt) and failed and not _under(found, rule)
    low, high = _interval(found, rule)
    return Verdict(
        gate=f"slices: {found.column}",
        passed=not (failed or beyond),
        reason=f"worst is {found.name}: {rule.metric} {figure(found.value)}{_floor(found, rule)}, "
        f"{_beside(found, rule, rival)}{' but the slice is too small to be significant' if unsure else ''} "
        f"({_between(found, low, high)}, {counted(found.rows, 'row')})"
        + (f"; {rival.doubt}" if rival and seen else ""),
        value=found.value if np.isnan(found.gain) else found.gain,
        limit=_limit(found, rule),
        low=low,
        high=high,
        severity="warning" if unsure or seen else "critical",
        evidence=tuple(
            {"slice": s.name, "rows": s.rows, "value": s.value, "advantage": _known(s.gain)} for s in slices
        ),
    )


def _failed(found: Slice, rule: Slices) -> bool:
    """Significantly further behind the champion than allowed, or significantly under the floor."""
    return (found.gain < -found.margin and found.p_behind < (1 - rule.confidence) / 2) or _under(found, rule)


def _under(found: Slice, rule: Slices) -> bool:
    """Significantly on the wrong side of the floor, which is a ceiling if lower is better."""
    return found.p_under < (1 - rule.confidence) / 2


def _floor(found: Slice, rule: Slices) -> str:
    higher = HIGHER_IS_BETTER[rule.metric]
    if rule.min is None or (found.value >= rule.min if higher else found.value <= rule.min):
        return ""
    sure = "surely" if _under(found, rule) else "possibly by chance"
    return f", {sure} {'below' if higher else 'above'} {rule.min:g}"


def _beside(found: Slice, rule: Slices, rival: Rival | None) -> str:
    if rival is None:
        if rule.min is not None:
            return "judged only by gates.slices.min: there is no champion to compare with"
        return "for information only: there is no champion to compare with, and gates.slices.min is not set"
    if np.isnan(found.gain):
        return f"too few rows that {rival.version} has not trained on to compare with it"
    ahead = "ahead of" if found.gain >= 0 else "behind"
    return f"{figure(abs(found.gain))} {ahead} {rival.version} on the same rows (p {found.p_behind:.2g} after Holm)"


def _interval(found: Slice, rule: Slices) -> tuple[float, float]:
    z = float(norm.ppf((1 + rule.confidence) / 2))
    middle, error = (found.value, found.error) if np.isnan(found.gain) else (found.gain, found.gain_error)
    return middle - z * error, middle + z * error


def _between(found: Slice, low: float, high: float) -> str:
    """The interval in words; a difference has a sign, a metric has none."""
    sign = not np.isnan(found.gain)
    return f"interval {figure(low, sign=sign)} to {figure(high, sign=sign)}"


def _limit(found: Slice, rule: Slices) -> str:
    if not np.isnan(found.gain):
        return f"≥ -{found.margin:.4g}"
    return "" if rule.min is None else f"{'≥' if HIGHER_IS_BETTER[rule.metric] else '≤'} {rule.min:g}"


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _size(part: Slice) -> str:
    return f"{counted(part.rows, 'row')}, {part.rarest}" if part.rarest else f"{counted(part.rows, 'row')}"


def _unjudged(slices: list[Slice], rule: Slices, task: Task) -> list[Verdict]:
    if not slices:
        return []
    names = ", ".join(f"{s.name} ({_size(s)})" for s in slices[:NAMED])
    names += f" and {len(slices) - NAMED:,} more, all in {files.VERDICT}" if len(slices) > NAMED else ""
    reason = f"too small to judge ({task.too_few(rule.min_rows, rule.min_class)}): {names}"
    rows = tuple({"slice": s.name, "rows": s.rows, "value": None, "advantage": None} for s in slices)
    return [Verdict("slices not judged", passed=False, reason=reason, severity="warning", evidence=rows)]
