"""Several classes: the model gives a probability for each, and the most probable class is the decision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ml.data.design import PLAIN, Design
from ml.data.schema import each_word
from ml.data.words import text
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.metric_names import FEWEST
from ml.tasks import calibration_figures, group_rates
from ml.tasks.class_rows import ClassRows
from ml.tasks.kinds import MULTICLASS, DecisionRule
from ml.tasks.task import EasyCase, Task
from ml.tasks.variety import Spread, of_classes

GROUPS = 50  # of the values of a number


class Multiclass:
    """The task of a contract whose target lists its classes."""

    kind: str = MULTICLASS.name
    decides = True
    flipped = "change class"
    intervals = False
    metrics: Mapping[str, bool] = MULTICLASS.metrics
    metric = MULTICLASS.metric
    lost = "ROC AUC (one against the rest)"
    alone_is = "half of 1 plus the share of errors that it avoids compared with the most frequent class"
    said = "score"

    cut = 0.0

    def __init__(self, data: Data, rule: DecisionRule | None = None) -> None:  # noqa: ARG002
        self.classes, self.name = data.target.classes, data.target.name

    def with_interval(self, half_width: float | None, level: float) -> "Multiclass":  # noqa: ARG002
        """The same task: classes have no interval."""
        return self

    def truth(self, column: pd.Series) -> np.ndarray:
        """The position of each row's class in the contract."""
        places = {name: place for place, name in enumerate(self.classes)}
        return each_word(column, text).map(places).to_numpy("int64")

    def output(self, fitted: Any, features: pd.DataFrame) -> np.ndarray:
        """A probability for each class of the contract, 0 for a class without training rows; shape (rows, classes)."""
        found = fitted.predict_proba(features)
        full = np.zeros((len(found), len(self.classes)))
        full[:, np.asarray(fitted.classes_, dtype="int64")] = found
        return full

    def columns(self) -> list[str]:
        """A score for each class, by its position."""
        return [f"score_{place}" for place in range(len(self.classes))]

    def score(self, truth: np.ndarray, output: np.ndarray, design: Design = PLAIN) -> ClassRows:
        """Rows in their own order."""
        return ClassRows(truth.astype("int64"), output.astype("float64"), self.classes, design=design)

    def decide(self, output: np.ndarray) -> np.ndarray:
        """The position of the most probable class."""
        return output.argmax(axis=1)

    def flips(self, old: np.ndarray, new: np.ndarray, before: Task | None = None) -> np.ndarray:
        """Rows with different decisions."""
        return (before or self).decide(old) != self.decide(new)

    def moved(self, before: Task) -> str:  # noqa: ARG002
        """Nothing: the most probable class is always the decision."""
        return ""

    def watch(self, output: np.ndarray) -> np.ndarray:
        """The confidence: the probability of the most probable class."""
        return output.max(axis=1)

    def given(self, output: np.ndarray) -> np.ndarray:
        """The most probable class of each row."""
        return np.array(self.classes, dtype=object)[output.argmax(axis=1)]

    def promise(self, truth: np.ndarray) -> None:
        """None: classes have no interval."""

    def enough(self, truth: np.ndarray, fewest: int = FEWEST) -> bool:
        """Whether at least two classes have this number of rows."""
        return int((np.bincount(truth, minlength=len(self.classes)) >= fewest).sum()) > 1

    def too_few(self, rows: int, of_a_class: int) -> str:
        """Fewer rows, or fewer of a class."""
        return f"under {counted(rows, 'row')}, or fewer than two classes with {of_a_class}"

    def counts(self, truth: np.ndarray) -> str:
        """E.g. `12 of a, 30 of b and 7 of c`: a class may be a number."""
        found = np.bincount(truth, minlength=len(self.classes))
        parts = [f"{count:,} of {name}" for name, count in zip(self.classes, found, strict=True)]
        return ", ".join(parts[:-1]) + f" and {parts[-1]}"

    def other_word(self, column: pd.Series) -> str | None:
        """None: all classes are in the contract."""

    def rarest(self, truth: np.ndarray) -> str:
        """The class with the fewest rows among those with any, and their number."""
        found = np.bincount(truth, minlength=len(self.classes))
        place = int(np.where(found > 0, found, len(truth) + 1).argmin())
        return f"{found[place]:,} of {self.classes[place]}"

    def rates(self, truth: np.ndarray, output: np.ndarray) -> list[group_rates.Rate]:
        """Of each class the share decided so, and its true and false positive rate."""
        decided = self.decide(output)
        found = [group_rates.of_decisions(decided == k, truth == k, name) for k, name in enumerate(self.classes)]
        return [rate for of_class in found for rate in of_class]

    def calibrated(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> list[calibration_figures.CalibrationFigure]:
        """Slope and bias of each class's scores against the rest, where either has enough rows; all hold together."""
        count = np.bincount(truth, minlength=len(self.classes))
        judged = [k for k, rows in enumerate(count) if min(rows, len(truth) - rows) >= FEWEST]
        each = 1 - (1 - confidence) / max(1, 2 * len(judged))  # of slope and bias
        found = [
            calibration_figures.of_scores(1.0 * (truth == k), output[:, k], each, design, self.classes[k])
            for k in judged
        ]
        return [figure for of_class in found for figure in of_class]

    def pair(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each row, the score of the class whose score changed most."""
        rows, place = np.arange(len(before)), np.abs(after - before).argmax(axis=1)
        return before[rows, place], after[rows, place]

    def whose(self, output: np.ndarray, of: str) -> np.ndarray:
        """The score of this class."""
        return output[:, self.classes.index(of)]

    def scale(self, truth: np.ndarray) -> float:  # noqa: ARG002
        """1: scores are compared as they are."""
        return 1.0

    def surely(self, output: np.ndarray, case: EasyCase, room: float) -> bool:
        """Whether the class of the case is this much more probable than all others together."""
        return self.easy(output, case)[1] and bool(output[0].max() >= 0.5 + room)

    def spread(self, truth: np.ndarray, output: np.ndarray) -> Spread:
        """Whether every class is predicted."""
        return of_classes(truth, self.decide(output), self.classes)

    def easy(self, output: np.ndarray, case: EasyCase) -> tuple[float, bool, str]:
        """Whether the class that the case names is the most probable one."""
        found = self.classes[int(self.decide(output)[0])]
        right = found == case.label
        limit = "most probable" if right else f"most probable, not {found}"
        return float(self.whose(output, str(case.label))[0]), right, limit

    def watched(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> dict[str, Any]:
        """Bias and slope of the confidence as the probability that the decision is right."""
        right = (output.argmax(axis=1) == truth).astype("float64")
        return (
            calibration_figures.measured(right, output.max(axis=1), confidence, design) if len(set(right)) > 1 else {}
        )

    def describe(self) -> str:
        """A description of the target and the decision in Markdown."""
        return f"`{self.name}`, one of {', '.join(self.classes)}; the most probable class is predicted"

    def alone(self, column: pd.Series, truth: np.ndarray) -> float:
        """0.5 plus half the gain in accuracy of the column alone over the most frequent class.

        Rows are decided together: those of one level, or of one of fifty ranges of a number.
        """
        groups = column
        if pd.api.types.is_numeric_dtype(column) and column.nunique() > GROUPS:
            groups = pd.qcut(column, GROUPS, labels=False, duplicates="drop")
        table = pd.crosstab(groups.map(text).fillna("").to_numpy(), truth).to_numpy()
        always = table.sum(axis=0).max()
        return (1 + (table.max(axis=1).sum() - always) / max(1, len(truth) - always)) / 2
