"""The champion compared with the retrained model on rows that neither was trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ml.data.design import design_of
from ml.gates.champion import task_of_champion
from ml.gates.scored_models import lacking
from ml.io import cli, files
from ml.io.errors import UserError
from ml.io.text import between, figure
from ml.model import model, model_file
from ml.model.model_contract import settled
from ml.registry import baseline
from ml.retraining import fresh
from ml.retraining.retrain_record import Compared
from ml.settings.metric_names import FEWEST
from ml.settings.params import Params
from ml.settings.section import given
from ml.tasks.choose import task_of
from ml.tasks.duel import compare
from ml.tasks.scored import Scored

NONE = "not enough evidence"


@dataclass(frozen=True)
class Attempt:
    """One retraining: its folder, base and rows."""

    folder: Path
    params: Params
    base: str
    day: str
    sifted: fresh.Sifted
    old: pd.DataFrame
    new: fresh.Combined


def against_champion(attempt: Attempt) -> list[Compared]:
    """Champion and challenger compared on fresh and on old rows that neither was trained on."""
    params = attempt.params
    champion = baseline.find(params.project, params.retrain.base)
    if champion is None or champion.model is None or params.gates.champion is None:
        return []
    rows = fresh.unseen(attempt.old, attempt.new, params.data, params.prepare)
    task = task_of(params.data)
    label = task.truth(rows[params.data.target.name])
    built = files.read_bytes(attempt.folder / files.MODEL / "model.skops")
    fitted = None
    try:
        fitted = model_file.loads(champion.model)
        old = model.scores(fitted, rows, params.data)
    except (KeyError, ValueError, UserError) as error:
        why = lacking(fitted, params.data, error)
        cli.say(f"retrain: {champion.version} cannot score these rows, so it is not compared: {why}")
        return []
    scores = [old, model.scores(model_file.loads(built), rows, params.data)]
    is_fresh = rows[params.data.id].isin(attempt.sifted.good[params.data.id]).to_numpy()
    ours = task_of(params.data, settled(params, attempt.folder / files.MODEL).evaluate)
    tasks = [task_of_champion(champion.params, params), ours]
    found = []
    for name, at in (("fresh", is_fresh), ("old", ~is_fresh)):
        part = design_of(rows[at], params.data)
        old, new = (task.score(label[at], score[at], part) for score, task in zip(scores, tasks, strict=True))
        found.append(judge(name, champion.version, (old, new), params))
    return found


def judge(part: str, version: str, sides: tuple[Scored, Scored], params: Params) -> Compared:
    """The comparison of champion's and challenger's scores of a part.

    `gates.champion` sets metric, margin and refusal.
    """
    rule, label = given(params.gates.champion), sides[0].label
    rows, task = len(label), task_of(params.data)
    if not task.enough(label, FEWEST):
        few = f"{NONE}: the {part} test rows hold {task.counts(label)}"
        return Compared(part=part, rows=rows, metric=rule.metric, outcome=NONE, refused=NONE in rule.refuse, reason=few)
    found = compare(sides[0], sides[1], rule)
    old, new = (float(side.measure(np.ones(rows))[rule.metric]) for side in sides)
    reason = (
        f"{found.outcome} on {rows:,} {part} test rows: {rule.metric} {figure(new, 4)} against {figure(old, 4)} of "
        f"{version} (advantage {between(found.low, found.high, 4, sign=True)}, margin {found.margin:.4g})"
    )
    return Compared(
        part=part,
        rows=rows,
        metric=rule.metric,
        outcome=found.outcome,
        refused=found.outcome in rule.refuse,
        reason=reason,
        old=old,
        new=new,
        low=found.low,
        high=found.high,
    )
