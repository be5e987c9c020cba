"""The differences between the tasks: one of two classes, one of several classes, or a number."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ml.data.design import PLAIN, Design
from ml.tasks.calibration_figures import CalibrationFigure
from ml.tasks.group_rates import Rate
from ml.tasks.scored import Scored
from ml.tasks.variety import Spread


class EasyCase(Protocol):
    """A row that any usable model predicts correctly, as in ml.settings.gates, which tasks must not import."""

    @property
    def label(self) -> str | None:
        """Positive or negative, or one of several classes."""
        ...

    @property
    def min(self) -> float | None:
        """The lower limit of a number."""
        ...

    @property
    def max(self) -> float | None:
        """The upper limit of a number."""
        ...

    @property
    def wanted(self) -> str:
        """The required decision as text."""
        ...


class Task(Protocol):
    """One kind of target. Truth is an array of shape (rows,); the model's output has a row for each."""

    kind: str
    decides: bool  # whether a prediction is right or wrong
    flipped: str  # the change of a row with another decision, as text
    intervals: bool  # whether predictions have an interval
    metrics: Mapping[str, bool]  # name: whether higher is better
    lost: str  # the metric of permutation importance, as text
    alone_is: str  # the measure of `alone`, as text
    said: str  # the output for a row, in one word
    metric: str  # by which models are compared unless a setting names another

    def with_interval(self, half_width: float | None, level: float) -> "Task":
        """The same task with the width of the model's intervals and their nominal coverage."""
        ...

    def truth(self, column: pd.Series) -> np.ndarray:
        """The target as numbers: 1 for positive, the position of a class, or the number itself; shape (rows,)."""
        ...

    def output(self, fitted: Any, features: pd.DataFrame) -> np.ndarray:
        """The output of a fitted scikit-learn pipeline; shape (rows,), or (rows, classes)."""
        ...

    def columns(self) -> list[str]:
        """The names of the output's columns in a table."""
        ...

    def score(self, truth: np.ndarray, output: np.ndarray, design: Design = PLAIN) -> Scored:
        """True values and output, ready for metrics."""
        ...

    def decide(self, output: np.ndarray) -> np.ndarray:
        """The decision for each row; shape (rows,)."""
        ...

    def flips(self, old: np.ndarray, new: np.ndarray, before: "Task | None" = None) -> np.ndarray:
        """Rows that two outputs decide differently; `before` is the task of the old output, unless it is this one.

        Bool of shape (rows,).
        """
        ...

    @property
    def cut(self) -> float:
        """The lowest score of a positive decision; 0 if scores have no threshold."""
        ...

    def moved(self, before: "Task") -> str:
        """The difference from another model's rule of decision, as text; "" if there is none."""
        ...

    def watch(self, output: np.ndarray) -> np.ndarray:
        """The number of each prediction whose distribution monitoring compares; shape (rows,)."""
        ...

    def given(self, output: np.ndarray) -> np.ndarray | None:
        """The predicted class of each row, for several classes; None if monitoring compares only the output."""
        ...

    def promise(self, truth: np.ndarray) -> dict[str, float] | None:
        """The record of the interval for monitoring: half width, level, deviation of the target; None for classes."""
        ...

    def enough(self, truth: np.ndarray, fewest: int) -> bool:
        """Whether there are enough rows, and of each class if there are classes, to judge a model."""
        ...

    def too_few(self, rows: int, of_a_class: int) -> str:
        """The condition under which a part of the table is too small to judge, as text."""
        ...

    def counts(self, truth: np.ndarray) -> str:
        """The numbers of rows, as text."""
        ...

    def other_word(self, column: pd.Series) -> str | None:
        """The other value of a target with two values; None for other targets."""
        ...

    def rarest(self, truth: np.ndarray) -> str:
        """The number of rows of the rarest class (of two: the positive one), as text."""
        ...

    def rates(self, truth: np.ndarray, output: np.ndarray) -> list[Rate]:
        """The rates that are compared between groups of people."""
        ...

    def calibrated(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> list[CalibrationFigure]:
        """The calibration of the output; there are `enough` rows."""
        ...

    def pair(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The change of each row as a number: for several classes, of the score that changed most."""
        ...

    def whose(self, output: np.ndarray, of: str) -> np.ndarray:
        """The number that a direction concerns: for several classes, the score of this one; shape (rows,)."""
        ...

    def scale(self, truth: np.ndarray) -> float:
        """The size of 1 in the settings of `behaviour`."""
        ...

    def easy(self, output: np.ndarray, case: EasyCase) -> tuple[float, bool, str]:
        """For one row the output, whether the case allows it, and the limit as text."""
        ...

    def surely(self, output: np.ndarray, case: EasyCase, room: float) -> bool:
        """Whether the case allows the output for one row with a margin of `room`, in units of `scale`."""
        ...

    def spread(self, truth: np.ndarray, output: np.ndarray) -> Spread:
        """Whether the predictions distinguish rows."""
        ...

    def watched(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> dict[str, Any]:
        """The figures that monitoring compares besides the metrics: value, low and high of each."""
        ...

    def describe(self) -> str:
        """A description of the target and the decision in Markdown."""
        ...

    def alone(self, column: pd.Series, truth: np.ndarray) -> float:
        """The predictive power of one column alone: 1 is perfect, 0.5 is none."""
        ...
