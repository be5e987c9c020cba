"""What differs between predicting one of two classes, one of several, and a number."""

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
    """A row that any usable model gets right, as ml.settings.gates has it: tasks must not depend on that section."""

    @property
    def label(self) -> str | None:
        """Positive or negative, or one of several classes."""
        ...

    @property
    def min(self) -> float | None:
        """Where a number must lie."""
        ...

    @property
    def max(self) -> float | None:
        """Where a number must lie."""
        ...

    @property
    def wanted(self) -> str:
        """What must be, in words."""
        ...


class Task(Protocol):
    """One kind of target. Truth is an array of shape (rows,); the model's output has a row for each."""

    kind: str
    decides: bool  # whether a prediction is right or wrong
    flipped: str  # what a row has done whose decision is another than before, in words
    intervals: bool  # whether predictions have an interval around them
    metrics: Mapping[str, bool]  # name: whether higher is better
    lost: str  # what permutation importance loses of it, in words
    alone_is: str  # what `alone` measures, in words
    said: str  # what a model says of a row, in one word
    metric: str  # the one that models are compared by unless a setting names another

    def with_interval(self, half_width: float | None, level: float) -> "Task":
        """The same task, knowing the width of the model's intervals and the share of rows that they promise to hold."""
        ...

    def truth(self, column: pd.Series) -> np.ndarray:
        """The target as numbers: 1 for positive, the place of a class, or the number itself; shape (rows,)."""
        ...

    def output(self, fitted: Any, features: pd.DataFrame) -> np.ndarray:
        """What a fitted scikit-learn pipeline says of rows; shape (rows,), or (rows, classes)."""
        ...

    def columns(self) -> list[str]:
        """The names of the output's columns in a table."""
        ...

    def score(self, truth: np.ndarray, output: np.ndarray, design: Design = PLAIN) -> Scored:
        """Truth and output, ready to be measured."""
        ...

    def decide(self, output: np.ndarray) -> np.ndarray:
        """The decision for each row; shape (rows,)."""
        ...

    def flips(self, old: np.ndarray, new: np.ndarray, before: "Task | None" = None) -> np.ndarray:
        """Rows that two outputs decide differently; `before` is the task that decided the old one, unless it is this.

        Bool of shape (rows,).
        """
        ...

    @property
    def cut(self) -> float:
        """The lowest score of a positive decision; 0 where scores are not cut."""
        ...

    def moved(self, before: "Task") -> str:
        """How the rule of decision differs from that of another model, in words; "" where it is the same."""
        ...

    def watch(self, output: np.ndarray) -> np.ndarray:
        """The number of each prediction whose distribution monitoring compares; shape (rows,)."""
        ...

    def given(self, output: np.ndarray) -> np.ndarray | None:
        """The class decided for each row, one of several, in words; None where monitoring watches the output alone."""
        ...

    def promise(self, truth: np.ndarray) -> dict[str, float] | None:
        """What monitoring remembers of the interval: half width, level, deviation of the truth; None for classes."""
        ...

    def enough(self, truth: np.ndarray, fewest: int) -> bool:
        """Whether the truth holds enough rows, of each class where there are classes, to judge a model by."""
        ...

    def too_few(self, rows: int, of_a_class: int) -> str:
        """When a part of the table is too small to judge, in words."""
        ...

    def counts(self, truth: np.ndarray) -> str:
        """How many rows there are of what, in words."""
        ...

    def other_word(self, column: pd.Series) -> str | None:
        """Beside the positive value, the word of a target of two; None for other targets."""
        ...

    def rarest(self, truth: np.ndarray) -> str:
        """How many rows the class has that has the fewest (the positive one, of two), in words."""
        ...

    def rates(self, truth: np.ndarray, output: np.ndarray) -> list[Rate]:
        """What is compared between groups of people."""
        ...

    def calibrated(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> list[CalibrationFigure]:
        """How far the output is from meaning what it says; `enough` rows are there."""
        ...

    def pair(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers that show how far each row moved: of several classes, the score that moved most."""
        ...

    def whose(self, output: np.ndarray, of: str) -> np.ndarray:
        """The number that a direction is asked of: of several classes, the score of this one; shape (rows,)."""
        ...

    def scale(self, truth: np.ndarray) -> float:
        """What one stands for in the settings of `behaviour`."""
        ...

    def easy(self, output: np.ndarray, case: EasyCase) -> tuple[float, bool, str]:
        """For one row what the model says, whether the case allows that, and the limit in words."""
        ...

    def surely(self, output: np.ndarray, case: EasyCase, room: float) -> bool:
        """Whether the case allows what the model says of one row with `room` to spare, in units of `scale`."""
        ...

    def spread(self, truth: np.ndarray, output: np.ndarray) -> Spread:
        """Whether the answers tell rows apart."""
        ...

    def watched(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> dict[str, Any]:
        """What monitoring watches beside the metrics: value, low and high of each."""
        ...

    def describe(self) -> str:
        """A description of the target and the decision in Markdown."""
        ...

    def alone(self, column: pd.Series, truth: np.ndarray) -> float:
        """How well one column alone predicts the target: 1 is perfectly, 0.5 is not at all."""
        ...
