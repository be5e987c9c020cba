"""Two classes: the model gives the probability of the positive class, and a threshold gives the decision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ml.data.design import PLAIN, Design
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.metric_names import FEWEST
from ml.tasks import calibration_figures, group_rates, two_words
from ml.tasks import score_rows as measured
from ml.tasks.kinds import BINARY, DecisionRule
from ml.tasks.rank_auc import one_column
from ml.tasks.task import EasyCase, Task
from ml.tasks.variety import Spread, of_sides


class Binary:
    """The task of a contract whose target names its positive value."""

    kind: str = BINARY.name
    decides = True
    flipped = "change side"
    intervals = False
    metrics: Mapping[str, bool] = BINARY.metrics
    metric = BINARY.metric
    lost = "ROC AUC"
    alone_is = "ROC AUC"
    said = "score"

    def __init__(self, data: Data, rule: DecisionRule | None = None) -> None:
        self._data, self._rule = data, rule

    @property
    def cut(self) -> float:
        """The threshold; raises ValueError if this task was made without a rule of decision."""
        if self._rule is None:
            raise ValueError("a decision needs a rule: task_of(data, rule), for example with params.evaluate")
        return self._rule.threshold

    def with_interval(self, half_width: float | None, level: float) -> "Binary":  # noqa: ARG002
        """The same task: classes have no interval."""
        return self

    def truth(self, column: pd.Series) -> np.ndarray:
        """1 where positive, 0 elsewhere."""
        return two_words.positive(column, self._data).astype("int8").to_numpy()

    def output(self, fitted: Any, features: pd.DataFrame) -> np.ndarray:
        """The probability of the positive class; shape (rows,)."""
        return fitted.predict_proba(features)[:, 1]

    def columns(self) -> list[str]:
        """One column: the score."""
        return ["score"]

    def score(self, truth: np.ndarray, output: np.ndarray, design: Design = PLAIN) -> measured.Ranked:
        """Rows in order of their score."""
        return measured.rank(truth, output, self.cut, design)

    def decide(self, output: np.ndarray) -> np.ndarray:
        """True where the score reaches the threshold."""
        return output >= self.cut

    def flips(self, old: np.ndarray, new: np.ndarray, before: Task | None = None) -> np.ndarray:
        """Rows with different decisions."""
        return (before or self).decide(old) != self.decide(new)

    def moved(self, before: Task) -> str:
        """Both thresholds, if they differ."""
        return "" if before.cut == self.cut else f"threshold {before.cut:g}, now {self.cut:g}"

    def watch(self, output: np.ndarray) -> np.ndarray:
        """The scores."""
        return output

    def given(self, output: np.ndarray) -> None:
        """None: the scores show every change of the decisions."""

    def promise(self, truth: np.ndarray) -> None:
        """None: classes have no interval."""

    def enough(self, truth: np.ndarray, fewest: int = FEWEST) -> bool:
        """Whether each class has at least this number of rows."""
        return measured.enough(truth, fewest)

    def too_few(self, rows: int, of_a_class: int) -> str:
        """Fewer rows, or fewer of a class."""
        return f"under {counted(rows, 'row')}, or {of_a_class} of a class"

    def counts(self, truth: np.ndarray) -> str:
        """E.g. `3 positive and 597 negative rows`."""
        return measured.classes(truth)

    def other_word(self, column: pd.Series) -> str | None:
        """The negative value of the target, or None."""
        return next(iter(two_words.others(column, self._data).index), None)

    def rarest(self, truth: np.ndarray) -> str:
        """The number of positive rows."""
        return f"{int(truth.sum()):,} positive"

    def rates(self, truth: np.ndarray, output: np.ndarray) -> list[group_rates.Rate]:
        """The share decided positive, the true and the false positive rate."""
        return group_rates.of_decisions(self.decide(output), truth == 1)

    def calibrated(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> list[calibration_figures.CalibrationFigure]:
        """Slope and bias of the scores as probabilities."""
        return calibration_figures.of_scores(truth, output, confidence, design)

    def pair(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The scores."""
        return before, after

    def whose(self, output: np.ndarray, of: str) -> np.ndarray:  # noqa: ARG002
        """The score."""
        return output

    def scale(self, truth: np.ndarray) -> float:  # noqa: ARG002
        """1: scores are compared as they are."""
        return 1.0

    def surely(self, output: np.ndarray, case: EasyCase, room: float) -> bool:
        """Whether the score is this far from the threshold, on the side that the case names."""
        score = float(output[0])
        return score >= self.cut + room if case.label == "positive" else score < self.cut - room

    def spread(self, truth: np.ndarray, output: np.ndarray) -> Spread:
        """Whether both classes are predicted."""
        return of_sides(truth, self.decide(output), self.cut)

    def easy(self, output: np.ndarray, case: EasyCase) -> tuple[float, bool, str]:
        """Whether the score lies on the side of the threshold that the case names."""
        yes = case.label == "positive"
        return float(output[0]), bool((output[0] >= self.cut) == yes), f"{'≥' if yes else '<'} {self.cut:g}"

    def watched(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> dict[str, Any]:
        """Bias and slope of the scores as probabilities, where both classes have rows."""
        return calibration_figures.measured(truth, output, confidence, design) if len(set(truth)) > 1 else {}

    def describe(self) -> str:
        """A description of the target and the decision in Markdown."""
        return (
            f"`{self._data.target.name}` = {self._data.target.positive}; a score of {self.cut:g} or more means positive"
        )

    def alone(self, column: pd.Series, truth: np.ndarray) -> float:
        """ROC AUC of the column in its better direction."""
        return one_column(column, truth)
