"""Champion against challenger on labelled predictions in production.

A shadow scores every row that the champion scores, so the two are compared row by row. A canary scores other ids than
the champion, chosen by a hash, so the two are compared as two samples of one population.
"""

import numpy as np

from ml.io.text import between, counted
from ml.io.text import figure as figure_
from ml.monitoring.live_sides import Duel, Side
from ml.monitoring.ratio import mismatched
from ml.settings.gates import Champion
from ml.settings.metric_names import FEWEST, HIGHER_IS_BETTER
from ml.settings.params import Params
from ml.tasks import live_labels
from ml.tasks.duel import Comparison, compare, margin_of, outcome
from ml.tasks.scored import Scored

NONE = "no verdict"
CAUSES = (
    "This is not due to chance: predictions of one side are missing, so the sides are not "
    "comparable. Search the server's log for `canary failed` and for lost lines, and fix the "
    "cause; then compare with SINCE= set to the time of the fix."
)


def judge(found: Duel, params: Params) -> tuple[str, str]:
    """The outcome (better, not worse, worse, not enough evidence) and a sentence with the figures behind it.

    `no verdict` if the ids of a canary are not split by its share.
    """
    if wrong := mismatched([*found.ratios]):
        return NONE, f"{NONE}: {wrong.sentence()}. {CAUSES}"
    rule, (old, new) = _rule(params), (found.champion, found.challenger)
    for side in (old, new):
        if not live_labels.enough(side.rule.task, side.label, FEWEST):
            return "not enough evidence", (
                f"not enough evidence: {side.model} has labels of {counted(len(side.label), 'id')} "
                f"({live_labels.lack(side.rule.task, side.label, FEWEST)}). Send labels to POST /feedback, "
                "or wait for them."
            )
    result = _paired(old, new, params) if found.paired else unpaired(old, new, params)
    rows = (
        f"on the same {counted(len(old.label), 'id')}"
        if found.paired
        else f"on {counted(len(new.label), 'id')} of the canary"
    )
    ahead = "ahead of" if result.value >= 0 else "behind"
    return result.outcome, (
        f"{result.outcome}: {new.model} is {figure_(abs(result.value), 4)} {ahead} {old.model} in {rule.metric} "
        f"{rows} ({rule.confidence:.0%} interval {between(result.low, result.high, 4, sign=True)}, "
        f"margin {result.margin:.4g})"
    )


def unpaired(old: Side, new: Side, params: Params, seed: int = 0) -> Comparison:
    """The challenger's advantage, with the ids of each side resampled separately.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 8 (two samples).
    """
    rule, rng = _rule(params), np.random.default_rng(seed)
    sign = 1 if HIGHER_IS_BETTER[rule.metric] else -1
    sides = [old.ranked(), new.ranked()]
    draws = [sign * _advantage(sides, [_drawn(s, rng) for s in sides], rule.metric) for _ in range(rule.bootstrap)]
    tail = (1 - rule.confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    value = sign * _advantage(sides, [np.ones(len(s.label)) for s in sides], rule.metric)
    margin = margin_of(rule.metric, rule.margin, sides[0].measure()[rule.metric])
    return Comparison(outcome(low, high, margin), float(value), float(low), float(high), margin)


def figure(side: Side, params: Params) -> tuple[str, str]:
    """The metric of one side and its interval; dashes if there are too few labels to measure anything."""
    if not live_labels.enough(side.rule.task, side.label, 1):
        return "-", "-"
    evaluate, metric = params.evaluate, _rule(params).metric
    found = side.ranked().intervals(evaluate.bootstrap, evaluate.confidence, only=metric)[metric]
    return figure_(found["value"], 4), between(found["low"], found["high"], 4)


def _rule(params: Params) -> Champion:
    rule, known = params.gates.champion or Champion(), params.data.target.kind.told()
    return rule if rule.metric in known else rule.model_copy(update={"metric": known[0]})


def _paired(old: Side, new: Side, params: Params) -> Comparison:
    return compare(old.ranked(), new.ranked(), _rule(params))


def _drawn(side: Scored, rng: np.random.Generator) -> np.ndarray:
    """The number of times that each id was drawn; a draw with one class only is repeated."""
    count = len(side.label)
    while True:
        weight = np.bincount(rng.integers(0, count, count), minlength=count).astype("float64")
        if side.usable(weight):
            return weight


def _advantage(sides: list[Scored], weights: list[np.ndarray], metric: str) -> float:
    old, new = (side.measure(weight)[metric] for side, weight in zip(sides, weights, strict=True))
    return new - old
