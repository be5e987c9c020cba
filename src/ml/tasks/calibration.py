"""How far scores are from being probabilities: their slope and their bias, each with an interval."""

import numpy as np
from scipy.stats import norm

STEPS = 50
ENOUGH = 1e-10


def measured(label: np.ndarray, score: np.ndarray, confidence: float) -> dict[str, dict[str, float]]:
    """`bias` and `slope`, each as value, low and high; arrays of shape (rows,)."""
    return {"bias": bias(label, score, confidence), "slope": slope(label, score, confidence)}


def slope(label: np.ndarray, score: np.ndarray, confidence: float) -> dict[str, float]:
    """The slope of a logistic regression of `label` on the log odds of `score`, with its Wald interval; shape (rows,).

    1 is perfect; below 1 the scores are too far from the middle. Scores of 0 and 1 count as one in a million off.
    Source: Cox, Two further applications of a model for binary regression, 1958.
    """
    odds = log_odds(score)
    x = np.column_stack([np.ones(len(odds)), odds])
    beta, hessian = np.zeros(2), np.eye(2)
    for _ in range(STEPS):  # Newton's method
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        hessian = x.T @ (x * (p * (1 - p))[:, None]) + 1e-9 * np.eye(2)  # stays solvable when all scores are equal
        step = np.linalg.solve(hessian, x.T @ (label - p))
        beta += np.clip(step, -2, 2)
        if np.abs(step).max() < ENOUGH:
            break
    half = float(norm.ppf((1 + confidence) / 2) * np.sqrt(np.linalg.inv(hessian)[1, 1]))
    return _around(float(beta[1]), half)


def log_odds(score: np.ndarray) -> np.ndarray:
    """Scores on the scale of a logistic regression; 0 and 1 count as one in a million off."""
    inside = np.clip(score, 1e-6, 1 - 1e-6)
    return np.log(inside) - np.log1p(-inside)


def bias(label: np.ndarray, score: np.ndarray, confidence: float) -> dict[str, float]:
    """Mean score less the share of positive rows, with its normal interval; arrays of shape (rows,)."""
    gap = score - label
    half = float(norm.ppf((1 + confidence) / 2) * gap.std() / np.sqrt(len(gap)))
    return _around(float(gap.mean()), half)


def _around(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}
