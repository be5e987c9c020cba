"""Rows of a regression, arranged for fast metrics of a bootstrap replicate."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ml.tasks import resampling
from ml.tasks.in_order import InOrder

POINTS = 400  # of a scatter plot
BINS = 30  # of residuals
TENTHS = 10  # of the rows by their value, with a point of coverage each


@dataclass(frozen=True)
class NumberRows(InOrder):
    """Truth and predicted values, both of shape (rows,); half width and level of the interval around the latter."""

    half_width: float
    level: float = float("nan")

    @cached_property
    def _error(self) -> np.ndarray:
        return np.abs(self.output - self.label)

    @cached_property
    def _sorted(self) -> np.ndarray:
        return np.argsort(self._error, kind="stable")

    @cached_property
    def _relative(self) -> tuple[np.ndarray, np.ndarray]:
        """The error as a share of the true value, and the rows with one: a true value of 0 has none."""
        there = self.label != 0
        return self._error / np.where(there, np.abs(self.label), 1.0) * there, there.astype("float64")

    @cached_property
    def _pinball(self) -> np.ndarray:
        """The mean pinball loss of both ends of the interval, as quantiles."""
        tail = (1 - self.level) / 2
        low, high = self.label - self.output + self.half_width, self.label - self.output - self.half_width
        return (_pinball(low, tail) + _pinball(high, 1 - tail)) / 2

    def measure(self, weight: np.ndarray | None = None) -> dict[str, float]:
        """Every metric; R² and WAPE are not a number if the true values do not vary, or sum to 0.

        MAPE is over rows whose true value is not 0.
        """
        w = self.design.weights(len(self.label)) * (1.0 if weight is None else weight)
        total, error = w.sum(), self._error
        mean = (w * self.label).sum() / total
        spread, size = (w * (self.label - mean) ** 2).sum(), (w * np.abs(self.label)).sum()
        square = (w * error**2).sum()
        half = np.cumsum(w[self._sorted])
        left, right = (np.searchsorted(half, total / 2, side=side) for side in ("left", "right"))
        middle = error[self._sorted[[min(left, len(error) - 1), min(right, len(error) - 1)]]].mean()
        relative, there = self._relative
        none = np.isnan(self.half_width)
        return {
            "mae": (w * error).sum() / total,
            "rmse": float(np.sqrt(square / total)),
            "r2": 1 - square / spread if spread > 0 else float("nan"),
            "median_absolute_error": middle,
            "wape": (w * error).sum() / size if size > 0 else float("nan"),
            "mape": (w * relative).sum() / (w * there).sum() if (w * there).any() else float("nan"),
            "pinball_loss": float("nan") if none else (w * self._pinball).sum() / total,
            "coverage": float("nan") if none else (w * (error <= self.half_width)).sum() / total,
            "interval_width": 2 * self.half_width,
        }

    def usable(self, weight: np.ndarray) -> bool:
        """Every resample is usable."""
        return bool(weight.sum() > 0)

    def intervals(
        self, bootstrap: int, confidence: float, seed: int = 0, only: str = ""
    ) -> dict[str, dict[str, float | None]]:
        """Each metric with its bootstrap interval."""
        return resampling.intervals(self, bootstrap, confidence, seed, only)

    def curves(self, confidence: float = 0.95) -> dict[str, list[dict[str, Any]]]:  # noqa: ARG002
        """Predicted against actual values of rows evenly spread by the actual value; residuals; coverage by value."""
        order = np.argsort(self.label, kind="stable")
        some = order[np.unique(np.linspace(0, len(order) - 1, min(POINTS, len(order))).round().astype("int64"))]
        scatter = [{"actual": float(self.label[i]), "predicted": float(self.output[i])} for i in some]
        counts, edges = np.histogram(self.output - self.label, bins=BINS)
        residuals = [
            {"low": float(edges[i]), "high": float(edges[i + 1]), "rows": int(counts[i])} for i in range(len(counts))
        ]
        return {"predicted": scatter, "residuals": residuals, "coverage": self._coverage()}

    def _coverage(self) -> list[dict[str, Any]]:
        """The share of rows inside the interval, for each tenth of the rows in order of their value."""
        if np.isnan(self.half_width):
            return []
        w, inside = self.design.weights(len(self.label)), self._error <= self.half_width
        parts = [part for part in np.array_split(np.argsort(self.output, kind="stable"), TENTHS) if len(part)]
        return [
            {
                "predicted": float(np.average(self.output[part], weights=w[part])),
                "coverage": float(np.average(inside[part], weights=w[part])),
                "promised": self.level,
                "rows": len(part),
            }
            for part in parts
        ]


def _pinball(gap: np.ndarray, quantile: float) -> np.ndarray:
    """For each row, the pinball loss of an end of the interval that is `gap` below the true value."""
    return np.maximum(quantile * gap, (quantile - 1) * gap)
