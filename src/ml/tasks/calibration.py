"""How far scores are from being probabilities: their slope and their bias, each with an interval."""

import numpy as np
from scipy.stats import norm

from ml.data.design import PLAIN, Design

STEPS = 50
ENOUGH = 1e-10


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
        hessian += 1e-9 * np.eye(2)  # stays solvable when all scores are equal
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
    """Mean score less the share of positive rows, with its normal interval; arrays of shape (rows,)."""
    gap, weight = score - label, design.weights(len(score))
    value = float(np.average(gap, weights=weight))
    error = float(np.sqrt((design.summed(weight * (gap - value)) ** 2).sum()) / weight.sum())
    return _around(value, float(norm.ppf((1 + confidence) / 2)) * error)


def _around(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}
