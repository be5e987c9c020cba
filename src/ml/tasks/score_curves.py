"""The points of the plots of scores: confusion, ROC, precision and recall, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ml.tasks.score_rows import Ranked

BINS = 10  # of scores


def curves(rows: Ranked) -> dict[str, list[dict[str, Any]]]:
    """The points of every plot, by name."""
    return {
        "roc": roc(rows),
        "precision_recall": precision_recall(rows),
        "calibration": calibration(rows),
        "confusion": confusion(rows),
    }


def confusion(rows: Ranked) -> list[dict[str, Any]]:
    """Rows by truth and decision, one record for each of the four pairs."""
    tp = int(rows.label[rows.cut :].sum())
    fp = len(rows.label) - rows.cut - tp
    fn = int(rows.label.sum()) - tp
    cells = {("positive", "positive"): tp, ("positive", "negative"): fn}
    cells |= {("negative", "positive"): fp, ("negative", "negative"): rows.cut - fn}
    return [{"actual": actual, "predicted": predicted, "rows": n} for (actual, predicted), n in cells.items()]


def roc(rows: Ranked, points: int = 100) -> list[dict[str, float]]:
    """At most `points` corners of the ROC curve from (0, 0) to (1, 1), evenly spread by score; none for one class."""
    tp, fp = _from_above(rows)
    if not tp[-1] or not fp[-1]:
        return []
    return [{"fpr": fp[i] / fp[-1], "tpr": tp[i] / tp[-1]} for i in _spread(len(tp), points)]


def precision_recall(rows: Ranked, points: int = 100) -> list[dict[str, float]]:
    """At most `points` points of the precision-recall curve in order of recall; none without a positive row."""
    tp, fp = _from_above(rows)
    if not tp[-1]:
        return []
    return [{"recall": tp[i] / tp[-1], "precision": tp[i] / (tp[i] + fp[i])} for i in _spread(len(tp), points) if i]


def calibration(rows: Ranked) -> list[dict[str, float]]:
    """For each equal-width bin of scores with rows: mean score, observed positive share, rows."""
    count = np.bincount(rows.bins, minlength=BINS)
    size = np.bincount(rows.bins, weights=rows.weight, minlength=BINS)
    score = np.bincount(rows.bins, weights=rows.weight * rows.score, minlength=BINS)
    label = np.bincount(rows.bins, weights=rows.weight * rows.label, minlength=BINS)
    return [
        {"predicted": score[b] / size[b], "observed": label[b] / size[b], "rows": int(count[b])}
        for b in np.flatnonzero(count)
    ]


def _from_above(rows: Ranked) -> tuple[np.ndarray, np.ndarray]:
    up = np.add.reduceat(rows.weight * rows.label, rows.starts)[::-1]
    down = np.add.reduceat(rows.weight * (1 - rows.label), rows.starts)[::-1]
    return np.r_[0, np.cumsum(up)], np.r_[0, np.cumsum(down)]


def _spread(count: int, points: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(points, count)).round().astype("int64"))
