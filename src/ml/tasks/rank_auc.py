"""Mann-Whitney's statistic of one column, as a share of all pairs."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ml.data.schema import levels


def one_column(column: pd.Series, label: np.ndarray) -> float:
    """ROC AUC of one column as the only predictor of `label` (0 or 1), in its better direction; shape (rows,).

    Missing values count as below or as above all others, whichever is more informative; a level counts as its share of
    positive rows.
    """
    return max(max(auc, 1 - auc) for auc in (_auc(code, label) for code in codes(column, label)))


def codes(column: pd.Series, label: np.ndarray) -> list[np.ndarray]:
    """The column as numbers in each reading of its missing values; a level becomes the mean of its labels."""
    if pd.api.types.is_numeric_dtype(column):
        return [column.fillna(end).to_numpy() for end in (-np.inf, np.inf)]
    text = levels(column).fillna("")
    return [text.map(pd.Series(label).groupby(text.to_numpy()).mean()).to_numpy()]


def _auc(code: np.ndarray, label: np.ndarray) -> float:
    positive, ranks = int(label.sum()), rankdata(code)
    pairs = positive * (len(label) - positive)
    return float((ranks[label == 1].sum() - positive * (positive + 1) / 2) / pairs) if pairs else 0.5
