"""The difference between two ways to score the same rows; the check of an API needs no other part of the model."""

import numpy as np


def gaps(expected: np.ndarray, served: np.ndarray) -> np.ndarray:
    """The largest difference in each row: absolute for probabilities, relative for other numbers."""
    far = np.abs(expected - served) / np.maximum(1.0, np.abs(expected))
    return far if far.ndim == 1 else far.max(axis=1)
