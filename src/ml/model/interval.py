"""How wide an interval around a predicted number must be to hold the truth in a stated share of new rows."""

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, cross_val_predict

from ml.data.schema import inputs
from ml.model import model
from ml.settings.data import Data
from ml.settings.train import Train
from ml.tasks.choose import task_of

FOLDS = 5


def half_width(frame: pd.DataFrame, data: Data, params: Train, coverage: float, source: str = "") -> float | None:
    """The conformal quantile of the errors of rows that did not train; None for a task without intervals.

    The same width serves every row, so a prediction costs nothing more. Source: Vovk, Cross-conformal predictors,
    Annals of Mathematics and Artificial Intelligence 2015; the gate on coverage holds it to the test rows.
    """
    task = task_of(data)
    if not task.intervals:
        return None
    truth = task.truth(frame[data.target.name])
    folds = KFold(min(FOLDS, len(frame)), shuffle=True, random_state=params.seed)
    held = cross_val_predict(model.unfitted(data, params, source), inputs(frame, data), truth, cv=folds)
    rank = min(1.0, np.ceil((len(truth) + 1) * coverage) / len(truth))
    return float(np.quantile(np.abs(held - truth), rank, method="higher"))
