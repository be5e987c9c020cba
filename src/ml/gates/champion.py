"""The comparison of the champion with the new model on the same test rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm

from ml.data.design import PLAIN, Design, design_of
from ml.data.split import position
from ml.gates.evidence import Evidence
from ml.gates.verdict import Verdict
from ml.io.text import be, between, counted, figure
from ml.settings.evaluate import Evaluate
from ml.settings.gates import Champion
from ml.settings.metric_names import FEWEST
from ml.settings.params import Params
from ml.settings.section import given
from ml.tasks.choose import task_of
from ml.tasks.duel import Comparison, compare
from ml.tasks.task import Task

COLD = "there is no champion yet, so only the other gates decide"


def judge(evidence: Evidence) -> list[Verdict]:
    """Verdicts on the paired comparison, on McNemar's test, and on the champion's training rows."""
    params, champion = evidence.params, evidence.champion
    rule = given(params.gates.champion)
    if champion is None:
        return [Verdict("champion", passed=True, reason=f"cold start: {COLD}", outcome="no champion")]
    if champion.score is None:
        reason = f"{champion.version} is not compared, so it is unknown which model is better: {champion.why}"
        blind = _allowed(Verdict("champion", passed=False, reason=reason, outcome="not enough evidence"), rule)
        return [replace(blind, outcome="no champion")]
    if champion.same:
        reason = f"this is {champion.version} itself, with identical bytes"
        return [Verdict("champion", passed=True, reason=reason, value=0.0, outcome="not worse")]
    rows, doubt = unseen(evidence.test, params, champion.params, same_data=champion.data == evidence.data)
    label, old, new = evidence.label[rows], champion.score[rows], evidence.score[rows]
    task = task_of(params.data, params.evaluate)
    if not task.enough(label, FEWEST):
        why = f"not enough evidence: {task.counts(label)} to compare on ({task.too_few(2 * FEWEST, FEWEST)})"
        reason = f"{why}; {doubt}" if doubt else why
        return [_allowed(Verdict("champion", passed=False, reason=reason, outcome="not enough evidence"), rule)]
    theirs = task_of_champion(champion.params, params)
    design = design_of(evidence.test, params.data).at(rows)
    found = compare(theirs.score(label, old, design), task.score(label, new, design), rule)
    verdicts = [_sentence(found, champion.version, len(label), rule)]
    if task.decides:
        verdicts.append(mcnemar(label, theirs.decide(old), task.decide(new), params, design))
    if doubt:
        verdicts.append(Verdict("champion split", passed=False, reason=doubt, severity="warning"))
    return [*verdicts, looks(evidence.looks, params)]


def looks(count: int, params: Params) -> Verdict:
    """A warning if so many models were judged on the same test rows that the lead of the best is partly chance."""
    limit, passed = given(params.gates.champion).looks, count <= given(params.gates.champion).looks
    out = "set prepare.salt to a new word" if params.prepare.split_by == "hash" else "wait for newer rows"
    reason = f"{counted(count, 'model')} {be(count)} known to have been judged on these test rows, including this one"
    if not passed:
        reason += (
            f", above {limit:,}: the lead of the best is partly chance, so the next model appears "
            f"worse. To use fresh test rows, {out}"
        )
    return Verdict("champion looks", passed, reason, float(count), f"≤ {limit:,}", severity="warning")


def task_of_champion(theirs: dict[str, Any], params: Params) -> Task:
    """Our task, decided as the champion's recorded params.yaml says; as ours if there is no record."""
    recorded = Evaluate().model_copy(update=theirs.get("evaluate") or {})
    return task_of(params.data, recorded if theirs else params.evaluate)


def mcnemar(label: np.ndarray, old: np.ndarray, new: np.ndarray, params: Params, design: Design = PLAIN) -> Verdict:
    """Whether the decisions `old` and `new` are right differently often: McNemar's exact test, a warning.

    Source: McNemar, Psychometrika 1947; exact form: a binomial test on the rows that one of the two gets right. Where
    rows have weights or entities, the sums of the entities are tested: Durkalski et al., Statistics in Medicine 2003.
    """
    alpha = 1 - given(params.gates.champion).confidence
    right_old, right_new = old == label, new == label
    lost, won = int((right_old & ~right_new).sum()), int((right_new & ~right_old).sum())
    p, ahead = binomtest(won, won + lost).pvalue if won + lost else 1.0, won - lost
    if not design.plain and won + lost:
        net = design.summed(design.weights(len(label)) * (1.0 * right_new - right_old))
        ahead, p = net.sum(), float(2 * norm.sf(abs(net.sum()) / np.sqrt((net**2).sum())))
    worse = bool(ahead < 0 and p < alpha)
    return Verdict(
        gate="champion decisions",
        passed=not worse,
        reason=f"{counted(lost, 'row')} that the champion decides right {be(lost)} now wrong, {won:,} "
        "changed in the other direction: "
        f"{'significantly worse' if worse else 'not significantly worse'} "
        f"(McNemar's {'exact ' if design.plain else ''}p {p:.2g})",
        value=p,
        limit=f"≥ {alpha:.2g} or more won than lost",
        severity="warning",
    )


def unseen(test: pd.DataFrame, params: Params, theirs: dict[str, Any], *, same_data: bool) -> tuple[np.ndarray, str]:
    """The test rows that the champion cannot have trained on, and the remaining doubt ("" if none).

    The hash of an id alone (of its entity, if data.group is set) puts a row on a side, so a champion split by the same
    hash has trained on no row below its own share, whatever table it had. Otherwise all rows are used and the doubt is
    stated.
    """
    everything = np.ones(len(test), dtype=bool)
    split, had = theirs.get("prepare") or {}, theirs.get("data", {})  # an absent section has its defaults
    id_, ours = had.get("group") or had.get("id"), params.data.group or params.data.id
    if id_ is None:
        return everything, "there is no record of the champion's split, so it may have trained on these rows"
    by, share = split.get("split_by", "hash"), split.get("test_share", 0.2)
    if by == "time" and params.prepare.split_by == "time" and share == params.prepare.test_share and same_data:
        return everything, ""
    if by == "time" or params.prepare.split_by == "time" or id_ != ours:
        return everything, (
            f"the champion's rows were split by {by}{'' if by == 'time' else f' of {id_}'} and ours by "
            f"{params.prepare.split_by}, from tables that differ, so it may have trained on "
            "some test rows and appear better than it is"
        )
    rows = position(test[ours], split.get("salt", "")) < share
    if rows.all():
        return everything, ""
    return (
        rows,
        f"the champion trained on {(~rows).sum():,} of {counted(len(rows), 'row')} that are "
        "test rows now; they are left out",
    )


def _sentence(found: Comparison, version: str, rows: int, rule: Champion) -> Verdict:
    ahead = "ahead of" if found.value >= 0 else "behind"
    reason = (
        f"{found.outcome}: {rule.metric} {figure(abs(found.value), 4)} {ahead} {version} on the same "
        f"{counted(rows, 'row')} (interval {between(found.low, found.high, 4, sign=True)}, margin {found.margin:.4g})"
    )
    verdict = Verdict("champion", passed=False, reason=reason, outcome=found.outcome, limit=f"≥ -{found.margin:.4g}")
    return _allowed(replace(verdict, value=found.value, low=found.low, high=found.high), rule)


def _allowed(verdict: Verdict, rule: Champion) -> Verdict:
    """`better` and `not worse` pass; outcomes in `refuse` are critical; `worse` and missing evidence at least warn."""
    if verdict.outcome in rule.refuse:
        return verdict
    good = verdict.outcome in {"better", "not worse"}
    return replace(verdict, passed=good, severity="critical" if good else "warning")
