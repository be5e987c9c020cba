"""Functions from scores to calibrated probabilities: plain numpy, the same in training and in the image."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

EDGE = 1e-12  # keeps log odds finite at 0 and 1


def calibrated(scores: np.ndarray, curves: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """The calibrated probabilities of scores of shape (rows,) with one curve, or (rows, classes) with one each."""
    if scores.ndim == 1:
        return _curve(scores, curves[0])
    found = np.column_stack([_curve(scores[:, place], curve) for place, curve in enumerate(curves)])
    total = found.sum(axis=1, keepdims=True)
    return np.where(total > 0, found / np.where(total > 0, total, 1), 1 / len(curves))


def log_odds(scores: np.ndarray) -> np.ndarray:
    """The log odds log(p / (1 - p)); 0 and 1 are replaced by the nearest other numbers."""
    kept = np.clip(scores, EDGE, 1 - EDGE)
    return np.log(kept / (1 - kept))


def softmax(raw: np.ndarray) -> np.ndarray:
    """Probabilities of classes from their unnormalized logarithms (softmax); shape (rows, classes)."""
    shifted = np.exp(raw - raw.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _curve(scores: np.ndarray, curve: Mapping[str, Any]) -> np.ndarray:
    if "slope" in curve:
        return 1 / (1 + np.exp(-(curve["slope"] * log_odds(scores) + curve["intercept"])))
    return np.interp(scores, curve["x"], curve["y"])
