"""Rows of several classes, arranged for fast metrics of a bootstrap replicate."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ml.settings.metric_names import TOP
from ml.tasks import resampling
from ml.tasks.figures import Figures
from ml.tasks.in_order import InOrder

BINS = 10
POINTS = 100  # of a curve
REPLICATES = 500  # of the figures of each class
TINY = np.finfo("float64").tiny


@dataclass(frozen=True)
class ClassRows(InOrder):
    """Truth (places of classes, shape (rows,)) and probabilities (shape (rows, classes))."""

    classes: tuple[str, ...]

    @cached_property
    def _decided(self) -> np.ndarray:
        return self.output.argmax(axis=1)

    @cached_property
    def _cells(self) -> np.ndarray:
        return self.label * len(self.classes) + self._decided

    @cached_property
    def _loss(self) -> np.ndarray:
        tiny = np.finfo("float64").eps
        whole = self.output.sum(axis=1)
        own = self.output[self.order, self.label] / np.where(whole > 0, whole, 1)
        return -np.log(np.clip(own, tiny, 1 - tiny))

    @cached_property
    def _square(self) -> np.ndarray:
        truth = np.zeros_like(self.output)
        truth[self.order, self.label] = 1
        return ((self.output - truth) ** 2).sum(axis=1)

    @cached_property
    def _top(self) -> dict[str, np.ndarray]:
        """Whether the class is among the k most probable, for each k below the number of classes.

        Of equally probable classes the later ones come first, as in scikit-learn's top_k_accuracy_score.
        """
        own, later = self.output[self.order, self.label][:, None], np.arange(len(self.classes)) > self.label[:, None]
        ahead = ((self.output > own) | ((self.output == own) & later)).sum(axis=1)
        return {name: (ahead < k).astype("float64") for name, k in TOP.items() if k < len(self.classes)}

    @cached_property
    def _ranked(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Per class: rows in order of its score, which of them it is, and the start of each run of equal scores."""
        found = []
        for place in range(len(self.classes)):
            order = np.argsort(self.output[:, place], kind="stable")
            score = self.output[order, place]
            starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
            found.append((order, self.label[order] == place, starts))
        return found

    @cached_property
    def _runs(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Per class: rows in order of its score, its own rows, and the start and end of their runs of equal scores.

        So a replicate costs one pass over all rows, and otherwise only work on the rows of the class.
        """
        found = []
        for order, own, starts in self._ranked:
            places = np.flatnonzero(own)
            run = np.searchsorted(starts, places, side="right") - 1
            found.append((order, order[places], starts[run], np.r_[starts[1:], len(order)][run]))
        return found

    @cached_property
    def _bins(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        top = self.output.max(axis=1)
        return np.minimum((top * BINS).astype("int64"), BINS - 1), top, (self._decided == self.label).astype("float64")

    def measure(self, weight: np.ndarray | None = None) -> Figures:
        """Every metric; macro means and lowest figures are over classes with rows, like balanced accuracy."""
        w = self.design.weights(len(self.label)) * (1.0 if weight is None else weight)
        total, table = w.sum(), self._table(w)
        recall, precision, f1 = _figures(table)
        hit, actual, said = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
        seen, used = actual > 0, (actual + said) > 0
        return Figures(
            {
                "accuracy": lambda: hit.sum() / total,
                "balanced_accuracy": recall[seen].mean,
                "macro_f1": f1[used].mean,
                "weighted_f1": lambda: (f1 * actual).sum() / total,
                "lowest_recall": recall[seen].min,
                "lowest_precision": precision[seen].min,
                **{name: lambda hits=hits: w @ hits / total for name, hits in self._top.items()},
                "roc_auc": lambda: self._roc_auc(w),
                "log_loss": lambda: w @ self._loss / total,
                "brier": lambda: w @ self._square / total,
                "calibration_error": lambda: self._gap(w) / total,
            }
        )

    def _gap(self, w: np.ndarray) -> float:
        """The number of rows by which the most probable class is correct more or less often than its probability."""
        bins, top, right = self._bins
        return np.abs(np.bincount(bins, weights=w * (right - top), minlength=BINS)).sum()

    def _table(self, w: np.ndarray) -> np.ndarray:
        """Rows by class and decision; shape (classes, classes)."""
        size = len(self.classes)
        return np.bincount(self._cells, weights=w, minlength=size * size).reshape(size, size)

    def _roc_auc(self, w: np.ndarray) -> float:
        """The mean over classes of the ROC AUC against the rest, each counted alike.

        Each row of a class counts the rows below it and half of its equals, less what its own class has of them.
        """
        found, total = [], w.sum()
        for order, own, start, end in self._runs:
            mine = w[own]
            up = mine.sum()
            if 0 < up < total:
                below = np.concatenate(([0.0], np.cumsum(w[order])))
                found.append((mine @ (below[start] + below[end]) - up**2) / (2 * up * (total - up)))
        return float(np.mean(found)) if found else float("nan")

    def usable(self, weight: np.ndarray) -> bool:
        """Whether at least two classes were drawn."""
        drawn = np.bincount(self.label, weights=weight, minlength=len(self.classes)) > 0
        return int(drawn.sum()) > 1 or len(np.unique(self.label)) == 1

    def intervals(
        self, bootstrap: int, confidence: float, seed: int = 0, only: str = ""
    ) -> dict[str, dict[str, float | None]]:
        """Each metric with its bootstrap interval."""
        return resampling.intervals(self, bootstrap, confidence, seed, only)

    def curves(self, confidence: float = 0.95) -> dict[str, list[dict[str, Any]]]:
        """Confusion, one ROC curve and the figures of each class, and calibration of the most probable class."""
        size = len(self.classes)
        table = np.bincount(self._cells, minlength=size * size).reshape(size, size)
        confusion = [
            {"actual": self.classes[a], "predicted": self.classes[p], "rows": int(table[a, p])}
            for a in range(size)
            for p in range(size)
        ]
        roc = [point for place in range(size) for point in self._curve(place)]
        bins, top, right = self._bins
        count = np.bincount(bins, minlength=BINS)
        said, was = np.bincount(bins, weights=top, minlength=BINS), np.bincount(bins, weights=right, minlength=BINS)
        calibration = [
            {"predicted": said[b] / count[b], "observed": was[b] / count[b], "rows": int(count[b])}
            for b in np.flatnonzero(count)
        ]
        by_class = self.by_class(confidence)
        return {"by_class": by_class, "roc_by_class": roc, "calibration": calibration, "confusion": confusion}

    def by_class(self, confidence: float, seed: int = 0) -> list[dict[str, Any]]:
        """Recall, precision and F1 of each class that has rows, each with its bootstrap interval."""
        w, names = self.design.weights(len(self.label)), ("recall", "precision", "f1")
        drawn = resampling.weights(len(self.label), REPLICATES, seed, self.design)
        tail = (1 - confidence) / 2
        low, high = np.quantile([_figures(self._table(w * weight)) for weight in drawn], [tail, 1 - tail], axis=0)
        point, rows, found = _figures(self._table(w)), np.bincount(self.label, minlength=len(self.classes)), []
        for k in np.flatnonzero(rows):
            of = {"class": self.classes[k], "rows": int(rows[k])}
            for row, name in enumerate(names):
                ends = zip(("", "_low", "_high"), (point, low, high), strict=True)
                of |= {f"{name}{end}": resampling.kept(value[row, k]) for end, value in ends}
            found.append(of)
        return found

    def _curve(self, place: int) -> list[dict[str, Any]]:
        _, own, starts = self._ranked[place]
        up, down = np.add.reduceat(own * 1.0, starts)[::-1], np.add.reduceat(~own * 1.0, starts)[::-1]
        if not up.sum() or not down.sum():
            return []
        tpr, fpr = np.r_[0, up.cumsum()] / up.sum(), np.r_[0, down.cumsum()] / down.sum()
        spread = np.unique(np.linspace(0, len(tpr) - 1, min(POINTS, len(tpr))).round().astype("int64"))
        return [{"class": self.classes[place], "fpr": fpr[i], "tpr": tpr[i]} for i in spread]


def _figures(table: np.ndarray) -> np.ndarray:
    """Recall, precision and F1 of each class, 0 where it has no rows or is never decided; shape (3, classes)."""
    hit, actual, said = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    return np.array([hit, hit, 2 * hit]) / np.maximum([actual, said, actual + said], TINY)
