"""Champion against challenger on what they were asked in production, once the labels are there.

A shadow answers every row that the champion answers, so the two are compared row by row. A canary answers other ids
than the champion does, chosen by a hash, so the two are compared as two samples of one population.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.io.errors import UserError
from ml.io.text import between, counted
from ml.io.text import figure as figure_
from ml.model.parts import CHALLENGER, CHAMPION, SHADOW
from ml.monitoring.ratio import Ratio, mismatched, ratios
from ml.prediction_log import predictions
from ml.settings.gates import Champion
from ml.settings.metrics import FEWEST, HIGHER_IS_BETTER, LIVE, METRICS
from ml.settings.params import Params
from ml.tasks import live
from ml.tasks.duel import Comparison, compare, margin_of, outcome
from ml.tasks.task import Scored

NONE = "no verdict"
CAUSES = (
    "This is not due to chance: predictions of one side are missing, so the sides are not "
    "comparable. Search the server's log for `canary failed` and for lost lines, and fix the "
    "cause; then compare with SINCE= set to the time of the fix."
)
ASKED = ["request_id", "id", "row", "again"]


@dataclass(frozen=True)
class Side:
    """What one model answered; label and score hold, of each id, the newest answer before its label; shape (ids,).

    `threshold` is the lowest score that it said yes to, infinite where it never did: a challenger may decide by another
    one than the champion.
    """

    variant: str
    model: str
    answers: int
    labelled: int
    label: np.ndarray
    score: np.ndarray
    threshold: float
    kind: str

    def ranked(self) -> Scored:
        """Label and score, decided as they were answered."""
        return live.scored(self.kind, self.label, self.score, self.threshold)


@dataclass(frozen=True)
class Duel:
    """Two models over the same time, asked with simulated rows or with real ones.

    They are `paired` where both answered the same rows, which then are in the same order.
    """

    champion: Side
    challenger: Side
    paired: bool
    start: pd.Timestamp
    end: pd.Timestamp
    simulated: bool
    ratios: tuple[Ratio, ...] = ()  # of a canary, for each share that it was given


def duel(log: pd.DataFrame, params: Params, challenger: str = "") -> Duel:
    """The newest challenger in the log, or the one of this name, and the champion beside it.

    `log` is as predictions.read_log returns it; once there are real rows in it, simulated ones do not count.
    Raises UserError when no challenger or no champion answered.
    """
    simulated, log = bool(log["simulated"].all()), predictions.real(log)
    theirs = log[log["variant"].isin([CHALLENGER, SHADOW])]
    theirs = theirs[theirs["model"] == challenger] if challenger else theirs
    if theirs.empty:
        raise UserError(_nobody(log, challenger))
    last = theirs.iloc[-1]
    theirs = theirs[(theirs["model"] == last["model"]) & (theirs["variant"] == last["variant"])]
    ours, paired = log[log["variant"] == CHAMPION], last["variant"] == SHADOW
    if paired:
        ours, theirs = _same_rows(ours, theirs)
    else:
        meanwhile = ours["time"].between(theirs["time"].min(), theirs["time"].max())
        ours = ours[meanwhile | ours["request_id"].isin(theirs["request_id"])]
    if ours.empty:
        raise UserError(
            f"while {last['model']} answered as {last['variant']}, no champion did. No comparison is possible."
        )
    shares = () if paired else tuple(ratios(ours, theirs))  # whichever champion served meanwhile
    now = ours["model"] == ours["model"].iloc[-1]
    ours, theirs = (ours[now], theirs[now.to_numpy()]) if paired else (ours[now], theirs)
    times = pd.concat([ours["time"], theirs["time"]])
    return Duel(*_sides(ours, theirs, params, paired=paired), paired, times.min(), times.max(), simulated, shares)


def judge(found: Duel, params: Params) -> tuple[str, str]:
    """The outcome (better, not worse, worse, not enough evidence) and a sentence with the figures behind it.

    `no verdict` where the ids of a canary did not fall to the sides as its share says.
    """
    if wrong := mismatched([*found.ratios]):
        return NONE, f"{NONE}: {wrong.sentence()}. {CAUSES}"
    rule, (old, new) = _rule(params), (found.champion, found.challenger)
    for side in (old, new):
        if not live.enough(side.kind, side.label, FEWEST):
            return "not enough evidence", (
                f"not enough evidence: {side.model} has labels of {counted(len(side.label), 'id')} "
                f"({live.lack(side.kind, side.label, FEWEST)}). Send labels to POST /feedback, "
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
    """The challenger's advantage with each side's ids drawn by themselves.

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
    """The metric of one side and its interval; dashes where a class has no rows."""
    if len(np.unique(side.label)) < 2:  # noqa: PLR2004
        return "-", "-"
    found = side.ranked().intervals(params.evaluate.bootstrap, params.evaluate.confidence)[_rule(params).metric]
    return figure_(found["value"], 4), between(found["low"], found["high"], 4)


def _rule(params: Params) -> Champion:
    rule, kind = params.gates.champion or Champion(), params.data.target.task
    known = LIVE.get(kind, (*METRICS[kind],))  # what labels of answers can tell
    return rule if rule.metric in known else rule.model_copy(update={"metric": known[0]})


def _paired(old: Side, new: Side, params: Params) -> Comparison:
    return compare(old.ranked(), new.ranked(), _rule(params))


def _same_rows(ours: pd.DataFrame, theirs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that both answered, in the same order; a client may use a request id again."""
    first, second = (side.assign(again=side.groupby(ASKED[:-1]).cumcount()).set_index(ASKED) for side in (ours, theirs))
    both = first.index.intersection(second.index, sort=False)
    return first.loc[both].reset_index(), second.loc[both].reset_index()


def _sides(ours: pd.DataFrame, theirs: pd.DataFrame, params: Params, *, paired: bool) -> tuple[Side, Side]:
    """Each id counts once, by its newest answer before its label: answers about one thing depend on each other."""
    frames = [ours.assign(side=0), theirs.assign(side=1)]
    known = [f[f["actual"].notna() & ~predictions.early(f)] for f in frames]
    if paired:  # a shadow was asked when the champion was, though it may answer after the label
        known[1] = frames[1].loc[known[0].index]
        last = known[0].drop_duplicates("id", keep="last").index
        judged = [f.loc[last] for f in frames]
    else:  # an id changes sides when the share does
        newest = pd.concat(known).sort_values("time").drop_duplicates("id", keep="last")
        judged = [newest[newest["side"] == n] for n in (0, 1)]
    old, new = (_side(f, len(k), j, params) for f, k, j in zip(frames, known, judged, strict=True))
    return old, new


def _side(answers: pd.DataFrame, labelled: int, judged: pd.DataFrame, params: Params) -> Side:
    kind = params.data.target.task
    said = live.outcomes(judged["actual"], judged["label"], params.data)
    judged = judged[said.notna()]
    label = said.dropna().to_numpy(dtype="float64")
    score = judged["score"].to_numpy(dtype="float64")
    threshold = live.threshold(kind, answers["score"], answers["label"])
    names = answers["variant"].iloc[0], answers["model"].iloc[0]
    return Side(*names, len(answers), labelled, label, score, threshold, kind)


def _drawn(side: Scored, rng: np.random.Generator) -> np.ndarray:
    """How often each id was drawn; a draw of one class only is drawn again."""
    count = len(side.label)
    while True:
        weight = np.bincount(rng.integers(0, count, count), minlength=count).astype("float64")
        if side.usable(weight):
            return weight


def _advantage(sides: list[Scored], weights: list[np.ndarray], metric: str) -> float:
    old, new = (side.measure(weight)[metric] for side, weight in zip(sides, weights, strict=True))
    return new - old


def _nobody(log: pd.DataFrame, challenger: str) -> str:
    others = log.loc[log["variant"].isin([CHALLENGER, SHADOW]), "model"].unique()
    if challenger and len(others):
        return f"{challenger} has no predictions as a challenger; these models have: {', '.join(others)}."
    return (
        f"the prediction log has {counted(len(log), 'prediction')}, but none of a challenger. Serve a challenger: "
        "make serve CHALLENGER=models:/NAME@challenger (a shadow), or add CANARY=0.1 for a share of the ids."
    )
