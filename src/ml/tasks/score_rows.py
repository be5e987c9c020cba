"""Metrics of scores with bootstrap intervals, and their curves.

Rows are sorted by score once and every metric is a weighted sum over that order, so a bootstrap replicate (a weight a
row) costs a few passes over the rows and no sorting. The tests hold each metric equal to scikit-learn's, weighted too.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from ml.data.design import PLAIN, Design
from ml.io.text import counted
from ml.settings.evaluate import Evaluate
from ml.settings.metric_names import FEWEST
from ml.tasks import calibration_error
from ml.tasks.figures import Figures
from ml.tasks.resampling import kept, read, replicated
from ml.tasks.score_curves import BINS, curves


@dataclass(frozen=True)
class Ranked:
    """Labels and scores in ascending order of score, with precomputed arrays for all metrics; shape (rows,)."""

    order: np.ndarray  # positions in the original rows
    label: np.ndarray  # 0.0 or 1.0
    score: np.ndarray
    starts: np.ndarray  # the start of each run of equal scores; shape (distinct scores,)
    cut: int  # first row at or above the decision threshold
    loss: np.ndarray  # negative log likelihood of each row
    bins: np.ndarray  # equal-width calibration bin of each row
    weight: np.ndarray  # the weight of each row
    design: Design = PLAIN  # of the original rows

    def measure(self, weight: np.ndarray | None = None) -> Figures:
        """Every metric, with `weight`, how often a row is drawn, in sorted order."""
        return measure(self, weight)

    def usable(self, weight: np.ndarray) -> bool:
        """Whether both classes were drawn, or only one exists: all predictions of a good model may be correct."""
        return bool(0 < (weight * self.label).sum() < weight.sum()) or len(np.unique(self.label)) == 1

    def some(self, rows: np.ndarray) -> "Ranked":
        """The same of some of the original rows, given by their positions in ascending order."""
        mask = np.zeros(len(self.order), dtype=bool)
        mask[rows] = True
        keep = mask[self.order]
        score = self.score[keep]
        return Ranked(
            order=np.searchsorted(rows, self.order[keep]),
            label=self.label[keep],
            score=score,
            starts=np.flatnonzero(np.r_[True, score[1:] != score[:-1]]),
            cut=int(keep[: self.cut].sum()),
            loss=self.loss[keep],
            bins=self.bins[keep],
            weight=self.weight[keep],
            design=self.design.at(rows),
        )

    def intervals(
        self, bootstrap: int, confidence: float, seed: int = 0, only: str = ""
    ) -> dict[str, dict[str, float | None]]:
        """Each metric with its bootstrap interval."""
        return intervals(self, Evaluate(bootstrap=bootstrap, confidence=confidence), seed, only)

    def curves(self, confidence: float = 0.95) -> dict[str, list[dict[str, Any]]]:  # noqa: ARG002
        """The points of every plot, by name."""
        return curves(self)


def enough(label: np.ndarray, fewest: int = FEWEST) -> bool:
    """Whether `label` (0 or 1, shape (rows,)) has enough rows of each class to judge a model."""
    positive = int(np.sum(label))
    return min(positive, len(label) - positive) >= fewest


def classes(label: np.ndarray) -> str:
    """The number of rows of each class as text, e.g. `3 positive and 597 negative rows`."""
    positive = int(np.sum(label))
    return f"{positive:,} positive and {counted(len(label) - positive, 'negative row')}"


def rank(label: np.ndarray, score: np.ndarray, threshold: float, design: Design = PLAIN) -> Ranked:
    """Sort `label` (0 or 1) and `score` (probabilities), both of shape (rows,), for the functions below."""
    order = np.argsort(score, kind="stable")
    y, p = label[order].astype("float64"), score[order].astype("float64")
    clipped = np.clip(p, np.finfo("float64").eps, 1 - np.finfo("float64").eps)
    return Ranked(
        order=order,
        label=y,
        score=p,
        starts=np.flatnonzero(np.r_[True, p[1:] != p[:-1]]),
        cut=int(np.searchsorted(p, threshold, side="left")),
        loss=-np.log(np.where(y == 1, clipped, 1 - clipped)),
        bins=np.minimum((p * BINS).astype("int64"), BINS - 1),
        weight=design.weights(len(order))[order],
        design=design,
    )


def measure(rows: Ranked, weight: np.ndarray | None = None) -> Figures:
    """Every metric, with `weight` (in sorted order, shape (rows,)) as the number of times each row is drawn."""
    w = rows.weight if weight is None else rows.weight * weight
    positive, negative = w * rows.label, w * (1 - rows.label)
    p, n = positive.sum(), negative.sum()
    tp, fp = positive[rows.cut :].sum(), negative[rows.cut :].sum()
    tn = n - fp
    up, down = np.add.reduceat(positive, rows.starts), np.add.reduceat(negative, rows.starts)
    return Figures(
        {
            "accuracy": lambda: (tp + tn) / (p + n),
            "balanced_accuracy": lambda: (tp / p + tn / n) / 2,
            "f1": lambda: 2 * tp / (tp + fp + p) if p else np.nan,
            "roc_auc": lambda: (up * (np.cumsum(down) - down / 2)).sum() / (p * n),
            "pr_auc": lambda: (up[::-1] * _precision(up, down)).sum() / p,
            "log_loss": lambda: (w * rows.loss).sum() / (p + n),
            "brier": lambda: (w * (rows.label - rows.score) ** 2).sum() / (p + n),
            "calibration_error": lambda: calibration_error.value(*_bins(rows, w)) / (p + n),
        }
    )


def _precision(up: np.ndarray, down: np.ndarray) -> np.ndarray:
    """At each distinct score, from the highest; a run of equal scores without a drawn row has none, and no weight."""
    above_p, above_n = np.cumsum(up[::-1]), np.cumsum(down[::-1])
    return above_p / np.maximum(above_p + above_n, np.finfo("float64").tiny)


def intervals(rows: Ranked, params: Evaluate, seed: int = 0, only: str = "") -> dict[str, dict[str, float | None]]:
    """Each metric's `value` and the `low` and `high` end of its percentile bootstrap interval; None where undefined.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. Replicates that drew one class
    only are left out, unless there is only one. The calibration error has an interval of its own.
    """
    count = len(rows.label)
    one_class = not 0 < rows.label.sum() < count
    few, replicates = replicated(rows, params.bootstrap, seed)
    order = slice(None) if rows.design.entity is None else few.order  # rows drawn individually have no order to keep
    drawn = (weight[order] for weight in replicates)
    point = measure(rows)
    names = [only] if only else [*point]
    draws = np.array([read(few.measure(w), names) for w in drawn if one_class or few.usable(w)])
    if few is not rows:
        draws += np.subtract(read(point, names), read(few.measure(), names))
    tail = (1 - params.confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    ends = dict(zip(names, zip(low, high, strict=True), strict=True))
    if "calibration_error" in names:
        half = float(norm.ppf(1 - tail) * np.std(draws[:, -1]))
        ends["calibration_error"] = calibration_error.ends(*_bins(rows, rows.weight), rows.weight.sum(), half)
    return {
        name: {"value": kept(point[name]), "low": kept(ends[name][0]), "high": kept(ends[name][1])} for name in names
    }


def _bins(rows: Ranked, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each calibration bin, the number of positive rows by which the scores are off, and its variance by chance."""
    off = np.bincount(rows.bins, weights=weight * (rows.label - rows.score), minlength=BINS)
    noise = weight * rows.weight * rows.score * (1 - rows.score)
    return np.abs(off), np.bincount(rows.bins, weights=noise, minlength=BINS)
