"""A proposal for gates.stability: the share of rows that two models of the same table decide differently."""

from itertools import pairwise
from typing import Any

import numpy as np

from ml.model import model
from ml.model.crossed import Crossed
from ml.settings.gates import Stability
from ml.settings.params import Params
from ml.tasks.choose import task_of

ROOM = 1.2  # times the share between models of two folds, which share most of their rows
STEP = 0.05
WIDEST = 0.5  # a limit beyond this would be meaningless


def proposed(found: Crossed, params: Params) -> tuple[dict[str, Any], list[str]]:
    """The default limit, or a wider one if equally good models differ more: a weak signal makes decisions unstable."""
    rule, task = params.gates.stability, task_of(params.data, params.evaluate)
    if len(found.models) < 2:  # noqa: PLR2004
        return {}, []
    said = [model.scores(fitted, found.frame, params.data) for fitted in found.models]
    share = float(np.mean([task.flips(one, other).mean() for one, other in pairwise(said)]))
    usual = Stability().max_flips
    limit = max(usual, round(float(np.ceil(ROOM * share / STEP - 1e-9)) * STEP, 2))
    if limit == usual:  # not the limit of the old table
        return ({} if rule == Stability() else {"gates.stability.max_flips": usual}), []
    known = f"{share:.1%} of the rows {task.flipped} between models of two folds"
    if limit > WIDEST:
        return {"gates.stability": None}, [f"gates.stability is off: {known}, so no limit is meaningful"]
    return {"gates.stability.max_flips": limit}, [f"gates.stability: max_flips {limit:g}, because {known}"]
