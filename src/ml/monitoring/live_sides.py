"""The predictions of champion and challenger in production, as paired rows or as two samples."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.io.errors import UserError
from ml.io.text import counted
from ml.model.parts import CHALLENGER, CHAMPION, SHADOW
from ml.monitoring.ratio import Ratio, ratios
from ml.prediction_log import predictions
from ml.settings.params import Params
from ml.tasks import live_labels
from ml.tasks.scored import Scored

ASKED = ["request_id", "id", "row", "again"]


@dataclass(frozen=True)
class Side:
    """The predictions of one model; label and score hold the newest prediction of each id before its label.

    Shape (ids,). Each side has its own rule of decision, because a challenger may decide otherwise than the champion.
    """

    variant: str
    model: str
    answers: int
    labelled: int
    label: np.ndarray
    score: np.ndarray
    rule: live_labels.LiveRule

    def ranked(self) -> Scored:
        """Label and score, with the decisions of the responses."""
        return live_labels.scored(self.rule, self.label, self.score)


@dataclass(frozen=True)
class Duel:
    """Two models over the same time, with simulated or with real rows.

    They are `paired` if both scored the same rows, which are then in the same order.
    """

    champion: Side
    challenger: Side
    paired: bool
    start: pd.Timestamp
    end: pd.Timestamp
    simulated: bool
    ratios: tuple[Ratio, ...] = ()  # of a canary, for each configured share


def duel(log: pd.DataFrame, params: Params, challenger: str = "") -> Duel:
    """The newest challenger in the log, or the one of this name, and the champion of the same time.

    `log` is as predictions.read_log returns it; simulated rows do not count if there are real rows. Raises UserError if
    no challenger or no champion has predictions.
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
            f"while {last['model']} served as {last['variant']}, no champion served. No comparison is possible. "
            "Serve the champion and the challenger together: make serve CHALLENGER=models:/NAME@challenger."
        )
    shares = () if paired else tuple(ratios(ours, theirs))  # any champion of this time
    now = ours["model"] == ours["model"].iloc[-1]
    ours, theirs = (ours[now], theirs[now.to_numpy()]) if paired else (ours[now], theirs)
    times = pd.concat([ours["time"], theirs["time"]])
    return Duel(*_sides(ours, theirs, params, paired=paired), paired, times.min(), times.max(), simulated, shares)


def _same_rows(ours: pd.DataFrame, theirs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that both scored, in the same order; a client may reuse a request id."""
    first, second = (side.assign(again=side.groupby(ASKED[:-1]).cumcount()).set_index(ASKED) for side in (ours, theirs))
    both = first.index.intersection(second.index, sort=False)
    return first.loc[both].reset_index(), second.loc[both].reset_index()


def _sides(ours: pd.DataFrame, theirs: pd.DataFrame, params: Params, *, paired: bool) -> tuple[Side, Side]:
    """The newest prediction of each id before its label; each id counts once, because its predictions are dependent."""
    frames = [ours.assign(side=0), theirs.assign(side=1)]
    known = [f[f["actual"].notna() & ~predictions.early(f)] for f in frames]
    if paired:  # the time of the champion's prediction, because a shadow may answer after the label
        known[1] = frames[1].loc[known[0].index]
        last = known[0].drop_duplicates("id", keep="last").index
        judged = [f.loc[last] for f in frames]
    else:  # an id may change sides when the share changes
        newest = pd.concat(known).sort_values("time").drop_duplicates("id", keep="last")
        judged = [newest[newest["side"] == n] for n in (0, 1)]
    old, new = (_side(f, len(k), j, params) for f, k, j in zip(frames, known, judged, strict=True))
    return old, new


def _side(answers: pd.DataFrame, labelled: int, judged: pd.DataFrame, params: Params) -> Side:
    said = live_labels.outcomes(judged["actual"], judged["label"], params.data)
    judged = judged[said.notna()]
    label = said.dropna().to_numpy(dtype="float64")
    score = judged["score"].to_numpy(dtype="float64")
    rule = live_labels.rule_of_answers(params.data.target.task, answers["score"], answers["label"])
    names = answers["variant"].iloc[0], answers["model"].iloc[0]
    return Side(*names, len(answers), labelled, label, score, rule)


def _nobody(log: pd.DataFrame, challenger: str) -> str:
    others = log.loc[log["variant"].isin([CHALLENGER, SHADOW]), "model"].unique()
    if challenger and len(others):
        return f"{challenger} has no predictions as a challenger; these models have: {', '.join(others)}."
    return (
        f"the prediction log has {counted(len(log), 'prediction')} and none of a challenger. Serve a challenger: "
        "make serve CHALLENGER=models:/NAME@challenger (a shadow), or add CANARY=0.1 for a share of the ids."
    )
