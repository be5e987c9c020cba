"""One of several classes: the model gives a probability for each, and the most probable one is the decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ml.data.design import PLAIN, Design
from ml.data.words import text
from ml.settings.data import Data
from ml.settings.metrics import FEWEST, METRICS
from ml.tasks import calibration, compare, rates
from ml.tasks.task import Case

BINS = 10
POINTS = 100  # of a curve
GROUPS = 50  # of the values of a number


class Multiclass:
    """The task of a contract whose target lists its classes."""

    kind = "multiclass"
    decides = True
    intervals = False
    metrics: Mapping[str, bool] = METRICS["multiclass"]
    metric = "roc_auc"
    scoring = "roc_auc_ovr"
    lost = "ROC AUC (one against the rest)"
    said = "score"

    def __init__(self, data: Data) -> None:
        self.classes, self.name = data.target.classes, data.target.name

    def with_interval(self, half_width: float | None, level: float) -> "Multiclass":  # noqa: ARG002
        """Itself: classes have no interval."""
        return self

    def truth(self, column: pd.Series) -> np.ndarray:
        """The place of each row's class in the contract."""
        places = {name: place for place, name in enumerate(self.classes)}
        return column.map(text).map(places).to_numpy("int64")

    def output(self, fitted: Any, features: pd.DataFrame) -> np.ndarray:
        """A probability for each class of the contract, 0 for one that no training row has; shape (rows, classes)."""
        found = fitted.predict_proba(features)
        full = np.zeros((len(found), len(self.classes)))
        full[:, np.asarray(fitted.classes_, dtype="int64")] = found
        return full

    def columns(self) -> list[str]:
        """A score for each class, by its place."""
        return [f"score_{place}" for place in range(len(self.classes))]

    def score(
        self,
        truth: np.ndarray,
        output: np.ndarray,
        threshold: float,  # noqa: ARG002
        design: Design = PLAIN,
    ) -> "Rows":
        """Rows in their own order; no threshold decides."""
        return Rows(truth.astype("int64"), output.astype("float64"), self.classes, design)

    def decide(self, output: np.ndarray, threshold: float) -> np.ndarray:  # noqa: ARG002
        """The place of the most probable class."""
        return output.argmax(axis=1)

    def flips(self, old: np.ndarray, new: np.ndarray, thresholds: tuple[float, float]) -> np.ndarray:
        """Rows on different sides."""
        return self.decide(old, thresholds[0]) != self.decide(new, thresholds[1])

    def watch(self, output: np.ndarray) -> np.ndarray:
        """How sure the model is: the probability of the most probable class."""
        return output.max(axis=1)

    def given(self, output: np.ndarray) -> np.ndarray:
        """The most probable class of each row."""
        return np.array(self.classes, dtype=object)[output.argmax(axis=1)]

    def promise(self, truth: np.ndarray) -> None:
        """None: classes have no interval."""

    def enough(self, truth: np.ndarray, fewest: int = FEWEST) -> bool:
        """Whether two classes at least have that many rows."""
        return int((np.bincount(truth, minlength=len(self.classes)) >= fewest).sum()) > 1

    def counts(self, truth: np.ndarray) -> str:
        """E.g. `12 a, 30 b and 7 c`."""
        found = np.bincount(truth, minlength=len(self.classes))
        parts = [f"{count:,} {name}" for name, count in zip(self.classes, found, strict=True)]
        return ", ".join(parts[:-1]) + f" and {parts[-1]}"

    def other_word(self, column: pd.Series) -> str | None:
        """None: all classes are in the contract."""

    def rarest(self, truth: np.ndarray) -> str:
        """The class with the fewest rows of those that have any, and how many."""
        found = np.bincount(truth, minlength=len(self.classes))
        place = int(np.where(found > 0, found, len(truth) + 1).argmin())
        return f"{found[place]:,} of {self.classes[place]}"

    def rates(self, truth: np.ndarray, output: np.ndarray, threshold: float) -> list[rates.Rate]:
        """Of each class the share decided so, and its true and false positive rate."""
        decided = self.decide(output, threshold)
        found = [rates.of_decisions(decided == k, truth == k, name) for k, name in enumerate(self.classes)]
        return [rate for of_class in found for rate in of_class]

    def calibrated(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> list[calibration.Figure]:
        """Slope and bias of each class's scores against the rest, where either has enough rows; all hold together."""
        count = np.bincount(truth, minlength=len(self.classes))
        judged = [k for k, rows in enumerate(count) if min(rows, len(truth) - rows) >= FEWEST]
        each = 1 - (1 - confidence) / max(1, len(judged))
        found = [calibration.of_scores(1.0 * (truth == k), output[:, k], each, design, self.classes[k]) for k in judged]
        return [figure for of_class in found for figure in of_class]

    def pair(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of each row, the score of the class whose score moved most."""
        rows, place = np.arange(len(before)), np.abs(after - before).argmax(axis=1)
        return before[rows, place], after[rows, place]

    def whose(self, output: np.ndarray, of: str) -> np.ndarray:
        """The score of this class."""
        return output[:, self.classes.index(of)]

    def scale(self, truth: np.ndarray) -> float:  # noqa: ARG002
        """1: scores are compared as they are."""
        return 1.0

    def easy(self, output: np.ndarray, case: Case, threshold: float) -> tuple[float, bool, str]:
        """Whether the class that the case names is the most probable one."""
        found = self.classes[int(self.decide(output, threshold)[0])]
        return float(self.whose(output, str(case.label))[0]), found == case.label, f"most probable, not {found}"

    def watched(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> dict[str, Any]:
        """Bias and slope of the confidence as the probability that the decision is right."""
        right = (output.argmax(axis=1) == truth).astype("float64")
        return calibration.measured(right, output.max(axis=1), confidence, design) if len(set(right)) > 1 else {}

    def describe(self, threshold: float) -> str:  # noqa: ARG002
        """What is predicted and how it is decided, in Markdown."""
        return f"`{self.name}`, one of {', '.join(self.classes)}; the most probable class is the answer"

    def alone(self, column: pd.Series, truth: np.ndarray) -> float:
        """Half of one plus how much better the column alone decides than the most frequent class does.

        Rows decide together: those of one level, or of one of fifty ranges of a number.
        """
        groups = column
        if pd.api.types.is_numeric_dtype(column) and column.nunique() > GROUPS:
            groups = pd.qcut(column, GROUPS, labels=False, duplicates="drop")
        table = pd.crosstab(groups.map(text).fillna("").to_numpy(), truth).to_numpy()
        always = table.sum(axis=0).max()
        return (1 + (table.max(axis=1).sum() - always) / max(1, len(truth) - always)) / 2


@dataclass(frozen=True)
class Rows:
    """Truth (places of classes, shape (rows,)) and probabilities (shape (rows, classes))."""

    label: np.ndarray
    output: np.ndarray
    classes: tuple[str, ...]
    design: Design = PLAIN

    @cached_property
    def order(self) -> np.ndarray:
        """The rows stay as they are."""
        return np.arange(len(self.label))

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
    def _ranked(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Of each class: rows in order of its score, which of them it is, and where runs of equal scores begin."""
        found = []
        for place in range(len(self.classes)):
            order = np.argsort(self.output[:, place], kind="stable")
            score = self.output[order, place]
            starts = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
            found.append((order, self.label[order] == place, starts))
        return found

    @cached_property
    def _bins(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        top = self.output.max(axis=1)
        return np.minimum((top * BINS).astype("int64"), BINS - 1), top, (self._decided == self.label).astype("float64")

    def measure(self, weight: np.ndarray | None = None) -> dict[str, float]:
        """Every metric; macro means are over classes that have rows, as scikit-learn's balanced accuracy has it."""
        w = self.design.weights(len(self.label)) * (1.0 if weight is None else weight)
        size, total = len(self.classes), w.sum()
        table = np.bincount(self._cells, weights=w, minlength=size * size).reshape(size, size)
        hit, actual, said = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
        seen = actual > 0
        f1 = 2 * hit / np.maximum(actual + said, np.finfo("float64").tiny)
        used = (actual + said) > 0
        bins, top, right = self._bins
        gap = np.abs(np.bincount(bins, weights=w * (right - top), minlength=BINS)).sum()
        return {
            "accuracy": hit.sum() / total,
            "balanced_accuracy": (hit[seen] / actual[seen]).mean(),
            "macro_f1": f1[used].mean(),
            "weighted_f1": (f1 * actual).sum() / total,
            "roc_auc": self._roc_auc(w),
            "log_loss": (w * self._loss).sum() / total,
            "brier": (w * self._square).sum() / total,
            "calibration_error": gap / total,
        }

    def _roc_auc(self, w: np.ndarray) -> float:
        """The mean over classes of the ROC AUC against the rest, each counted alike."""
        found = []
        for order, own, starts in self._ranked:
            drawn = w[order]
            up, down = np.add.reduceat(drawn * own, starts), np.add.reduceat(drawn * ~own, starts)
            pairs = up.sum() * down.sum()
            if pairs:
                found.append((up * (np.cumsum(down) - down / 2)).sum() / pairs)
        return float(np.mean(found)) if found else float("nan")

    def usable(self, weight: np.ndarray) -> bool:
        """Whether two classes at least were drawn."""
        drawn = np.bincount(self.label, weights=weight, minlength=len(self.classes)) > 0
        return int(drawn.sum()) > 1 or len(np.unique(self.label)) == 1

    def intervals(self, bootstrap: int, confidence: float, seed: int = 0) -> dict[str, dict[str, float | None]]:
        """Each metric with its bootstrap interval."""
        return compare.intervals(self, bootstrap, confidence, seed)

    def curves(self) -> dict[str, list[dict[str, Any]]]:
        """Confusion, one ROC curve for each class, and calibration of the most probable class."""
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
        return {"roc_by_class": roc, "calibration": calibration, "confusion": confusion}

    def _curve(self, place: int) -> list[dict[str, Any]]:
        _, own, starts = self._ranked[place]
        up, down = np.add.reduceat(own * 1.0, starts)[::-1], np.add.reduceat(~own * 1.0, starts)[::-1]
        if not up.sum() or not down.sum():
            return []
        tpr, fpr = np.r_[0, up.cumsum()] / up.sum(), np.r_[0, down.cumsum()] / down.sum()
        spread = np.unique(np.linspace(0, len(tpr) - 1, min(POINTS, len(tpr))).round().astype("int64"))
        return [{"class": self.classes[place], "fpr": fpr[i], "tpr": tpr[i]} for i in spread]
