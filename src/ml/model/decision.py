"""The decision that training chooses, on rows that were scored by models of the other folds."""

import numpy as np
import pandas as pd

from ml.data.design import design_of
from ml.data.position import position
from ml.model import model
from ml.settings.data import Data
from ml.settings.train import Train
from ml.tasks import chosen_cut
from ml.tasks.choose import task_of
from ml.tasks.kinds import DecisionRule

FOLDS = 5


def chosen(
    frame: pd.DataFrame, data: Data, params: Train, given: DecisionRule, source: str = ""
) -> chosen_cut.Chosen | None:
    """What the rule in `train` chooses instead of the decision `given`, None without a rule; no test row is read.

    Each training row is scored by a model that was fitted on the other folds. Raises UserError for a target that no
    rule decides, and for a precision that no decision reaches.
    """
    if params.decide is None:
        return None
    chosen_cut.check(data)
    fold = (position(frame[data.group or data.id], chosen_cut.NAME) * FOLDS).astype("int64")
    score = np.zeros(len(frame))
    for held in (fold == number for number in np.unique(fold)):
        fitted = model.fit(frame[~held], data, params, source)
        score[held] = model.scores(fitted, frame[held], data)
    truth, weight = task_of(data).truth(frame[data.target.name]), design_of(frame, data).weight
    return chosen_cut.choose(truth, score, weight, params.decide, given, len(np.unique(fold)))
