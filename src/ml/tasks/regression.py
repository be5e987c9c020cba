"""A number: the model predicts a value and an interval that contains the true value for a stated share of rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ml.data.design import PLAIN, Design
from ml.data.words import text
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.metric_names import FEWEST
from ml.tasks import calibration_figures, group_rates
from ml.tasks.kinds import REGRESSION, DecisionRule
from ml.tasks.number_rows import NumberRows
from ml.tasks.rank_auc import codes
from ml.tasks.task import EasyCase, Task
from ml.tasks.variety import Spread, of_numbers

NEAR = 0.5  # standard deviations of the predictions: a larger change counts as another decision


class Regression:
    """The task of a contract whose target is a number; `half_width` is that of the model's prediction interval."""

    kind: str = REGRESSION.name
    decides = False
    flipped = "move by more than half a standard deviation of the predictions"
    intervals = True
    metrics: Mapping[str, bool] = REGRESSION.metrics
    metric = REGRESSION.metric
    lost = "mean absolute error, gained"
    alone_is = "half of 1 plus its rank correlation"
    said = "value"

    cut = 0.0

    def __init__(
        self,
        data: Data,
        rule: DecisionRule | None = None,  # noqa: ARG002
        half_width: float = float("nan"),
        level: float = float("nan"),
    ) -> None:
        self._data, self.half_width, self.level = data, half_width, level

    def with_interval(self, half_width: float | None, level: float) -> "Regression":
        """The same task with the width of the model's intervals and their nominal coverage."""
        return Regression(self._data, half_width=float("nan") if half_width is None else half_width, level=level)

    def truth(self, column: pd.Series) -> np.ndarray:
        """The numbers as float64."""
        return pd.to_numeric(column.map(text)).to_numpy("float64")

    def output(self, fitted: Any, features: pd.DataFrame) -> np.ndarray:
        """The predicted value; shape (rows,)."""
        return np.asarray(fitted.predict(features), dtype="float64")

    def columns(self) -> list[str]:
        """One column: the predicted value."""
        return ["score"]

    def score(self, truth: np.ndarray, output: np.ndarray, design: Design = PLAIN) -> NumberRows:
        """Rows in their own order."""
        return NumberRows(truth.astype("float64"), output.astype("float64"), self.half_width, self.level, design=design)

    def decide(self, output: np.ndarray) -> np.ndarray:
        """The value itself."""
        return output

    def flips(self, old: np.ndarray, new: np.ndarray, before: Task | None = None) -> np.ndarray:  # noqa: ARG002
        """Rows whose predictions are further apart than half the standard deviation of the first."""
        return np.abs(old - new) > NEAR * old.std()

    def moved(self, before: Task) -> str:  # noqa: ARG002
        """Nothing: the value is the decision."""
        return ""

    def watch(self, output: np.ndarray) -> np.ndarray:
        """The values."""
        return output

    def given(self, output: np.ndarray) -> None:
        """None: a number has no classes."""

    def promise(self, truth: np.ndarray) -> dict[str, float] | None:
        """Half width and level of the interval, and the standard deviation of the truth; None without an interval."""
        if np.isnan(self.half_width):
            return None
        return {"half_width": self.half_width, "level": self.level, "spread": float(truth.std())}

    def enough(self, truth: np.ndarray, fewest: int = FEWEST) -> bool:
        """Whether there are twice as many rows as a class would need."""
        return len(truth) >= 2 * fewest

    def too_few(self, rows: int, of_a_class: int) -> str:
        """Fewer rows."""
        return f"under {counted(max(rows, 2 * of_a_class), 'row')}"

    def counts(self, truth: np.ndarray) -> str:
        """The number of rows."""
        return f"{counted(len(truth), 'row')}"

    def other_word(self, column: pd.Series) -> str | None:
        """None: a number has no other value."""

    def rarest(self, truth: np.ndarray) -> str:  # noqa: ARG002
        """Nothing: a number has no classes."""
        return ""

    def rates(self, truth: np.ndarray, output: np.ndarray) -> list[group_rates.Rate]:
        """The mean absolute error and the mean error."""
        return group_rates.of_errors(truth, output)

    def calibrated(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> list[calibration_figures.CalibrationFigure]:
        """Slope and bias of the values, and the coverage of the intervals minus its nominal value."""
        each = 1 - (1 - confidence) / 3  # slope, bias and coverage hold together
        return calibration_figures.of_values(truth, output, (self.half_width, self.level), each, design)

    def pair(self, before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values."""
        return before, after

    def whose(self, output: np.ndarray, of: str) -> np.ndarray:  # noqa: ARG002
        """The value."""
        return output

    def scale(self, truth: np.ndarray) -> float:
        """The standard deviation of the truth, so that settings mean the same in any unit."""
        return float(truth.std()) or 1.0

    def surely(self, output: np.ndarray, case: EasyCase, room: float) -> bool:
        """Whether the value is this far within the limits of the case."""
        low, high = (-np.inf if case.min is None else case.min), (np.inf if case.max is None else case.max)
        return bool(low + room <= output[0] <= high - room)

    def spread(self, truth: np.ndarray, output: np.ndarray) -> Spread:
        """Whether the values differ."""
        return of_numbers(truth, output)

    def easy(self, output: np.ndarray, case: EasyCase) -> tuple[float, bool, str]:
        """Whether the value is within the limits of the case."""
        low, high = (-np.inf if case.min is None else case.min), (np.inf if case.max is None else case.max)
        return float(output[0]), bool(low <= output[0] <= high), _bounds(low, high)

    def watched(
        self, truth: np.ndarray, output: np.ndarray, confidence: float, design: Design = PLAIN
    ) -> dict[str, Any]:
        """The mean error, in the unit of the target."""
        return {"bias": calibration_figures.bias(truth, output, confidence, design)}

    def describe(self) -> str:
        """A description of the target and the decision in Markdown."""
        unit = f" in {self._data.target.unit}" if self._data.target.unit else ""
        return f"the number `{self._data.target.name}`{unit}, with an interval"

    def alone(self, column: pd.Series, truth: np.ndarray) -> float:
        """Half of one plus the absolute rank correlation: 1 if the column orders the target perfectly."""
        found = [abs(spearmanr(code, truth).statistic) for code in codes(column, truth) if len(np.unique(code)) > 1]
        return (1 + max((value for value in found if np.isfinite(value)), default=0.0)) / 2


def _bounds(low: float, high: float) -> str:
    if np.isinf(low):
        return f"≤ {high:g}"
    return f"≥ {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"
