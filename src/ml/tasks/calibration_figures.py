"""Calibration of scores and predicted numbers: slope and bias, each with an interval."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, norm

from ml.data.design import PLAIN, Design

STEPS = 50
ENOUGH = 1e-10
RELATIVE = 0.5  # share of the rarer class: the widest limit of the bias


@dataclass(frozen=True)
class CalibrationFigure:
    """Value, low and high of one figure, its ideal value, and the maximum width of its limits."""

    name: str  # the setting under gates.calibration
    found: dict[str, float]
    perfect: float
    widest: float = np.inf
    of: str = ""  # the class, one of several


def of_scores(
    label: np.ndarray, score: np.ndarray, confidence: float, design: Design = PLAIN, of: str = ""
) -> list[CalibrationFigure]:
    """Slope and bias of scores as probabilities; with 1 % positive rows, a bias of 5 points is large."""
    rate = float(np.average(label, weights=design.weights(len(label))))
    widest = RELATIVE * min(rate, 1 - rate)
    return [
        CalibrationFigure("slope", slope(label, score, confidence, design), 1.0, of=of),
        CalibrationFigure("bias", bias(label, score, confidence, design), 0.0, widest, of),
    ]


def of_values(
    truth: np.ndarray, value: np.ndarray, interval: tuple[float, float], confidence: float, design: Design = PLAIN
) -> list[CalibrationFigure]:
    """Slope of the target on the predictions, bias in standard deviations, coverage minus its nominal value.

    `interval` holds the half width and the nominal coverage; without it there is no coverage.
    """
    spread = float(truth.std()) or 1.0
    raw = bias(truth, value, confidence, design)
    found = [
        CalibrationFigure("slope", line(truth, value, confidence, design), 1.0),
        CalibrationFigure("bias", {name: end / spread for name, end in raw.items()}, 0.0),
    ]
    if np.isnan(interval[0]):
        return found
    return [*found, CalibrationFigure("coverage", held(truth, value, interval, confidence, design), 0.0)]


def held(
    truth: np.ndarray, value: np.ndarray, interval: tuple[float, float], confidence: float, design: Design = PLAIN
) -> dict[str, float]:
    """The share of rows whose target is in the interval, minus the nominal coverage.

    With Wilson's interval where each row counts once, otherwise the normal one over entities.
    """
    half, level = interval
    inside = np.abs(value - truth) <= half
    if not design.plain:
        return bias(np.full(len(truth), level), inside * 1.0, confidence, design)
    ends = binomtest(int(inside.sum()), len(truth)).proportion_ci(confidence, method="wilson")
    return {"value": float(inside.mean() - level), "low": float(ends.low - level), "high": float(ends.high - level)}


def line(truth: np.ndarray, value: np.ndarray, confidence: float, design: Design = PLAIN) -> dict[str, float]:
    """The slope of a linear regression of the target on the predictions, with White's interval; shape (rows,).

    1 is perfect; below 1 the values are too far from the middle. 0 where all values are equal. Sources: Mincer and
    Zarnowitz, The evaluation of economic forecasts, 1969; White, Econometrica 1980, over entities where rows have them.
    """
    weight = design.weights(len(value))
    x, y = (side - np.average(side, weights=weight) for side in (value, truth))
    square = float((weight * x**2).sum())
    if not square:
        return _around(0.0, 0.0)
    beta = float((weight * x * y).sum() / square)
    pull = design.summed(weight * x * (y - beta * x))
    return _around(beta, float(norm.ppf((1 + confidence) / 2) * np.sqrt((pull**2).sum()) / square))


def measured(
    label: np.ndarray, score: np.ndarray, confidence: float, design: Design = PLAIN
) -> dict[str, dict[str, float]]:
    """`bias` and `slope`, each as value, low and high; arrays of shape (rows,)."""
    return {name: of(label, score, confidence, design) for name, of in (("bias", bias), ("slope", slope))}


def slope(label: np.ndarray, score: np.ndarray, confidence: float, design: Design = PLAIN) -> dict[str, float]:
    """The slope of a logistic regression of `label` on the log odds of `score`, with its Wald interval; shape (rows,).

    1 is perfect; below 1 the scores are too far from the middle. Scores of 0 and 1 count as one in a million off.
    Source: Cox, Two further applications of a model for binary regression, 1958. Where rows have weights or entities,
    the standard error is robust to both: Liang and Zeger, Biometrika 1986.
    """
    odds, weight = log_odds(score), design.weights(len(score))
    x = np.column_stack([np.ones(len(odds)), odds])
    beta, hessian = np.zeros(2), np.eye(2)
    for _ in range(STEPS):  # Newton's method
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        hessian = x.T @ (x * (weight * p * (1 - p))[:, None])
        hessian += 1e-9 * np.eye(2)  # solvable also if all scores are equal
        step = np.linalg.solve(hessian, x.T @ (weight * (label - p)))
        beta += np.clip(step, -2, 2)
        if np.abs(step).max() < ENOUGH:
            break
    variance = np.linalg.inv(hessian)
    if not design.plain:
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        parts = design.summed(x * (weight * (label - p))[:, None])
        variance = variance @ (parts.T @ parts) @ variance
    half = float(norm.ppf((1 + confidence) / 2) * np.sqrt(variance[1, 1]))
    return _around(float(beta[1]), half)


def log_odds(score: np.ndarray) -> np.ndarray:
    """Scores on the scale of a logistic regression; 0 and 1 count as one in a million off."""
    inside = np.clip(score, 1e-6, 1 - 1e-6)
    return np.log(inside) - np.log1p(-inside)


def bias(label: np.ndarray, score: np.ndarray, confidence: float, design: Design = PLAIN) -> dict[str, float]:
    """Mean score minus the share of positive rows, with its normal interval; arrays of shape (rows,)."""
    gap, weight = score - label, design.weights(len(score))
    value = float(np.average(gap, weights=weight))
    error = float(np.sqrt((design.summed(weight * (gap - value)) ** 2).sum()) / weight.sum())
    return _around(value, float(norm.ppf((1 + confidence) / 2)) * error)


def _around(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}
