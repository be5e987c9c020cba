"""Whether the compiled form says what the model says."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.data.schema import features, inputs
from ml.model.predictor import Predictor
from ml.settings.data import Data

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Parity:
    """The largest difference between two ways to score the same rows, and the labels that it moves."""

    rows: int
    largest: float
    labels_moved: int

    @property
    def holds(self) -> bool:
        """True when every score agrees to 1e-6 and no label moves."""
        return self.largest <= TOLERANCE and self.labels_moved == 0


def compare(expected: np.ndarray, served: np.ndarray, threshold: float) -> Parity:
    """Two arrays of scores of the same rows, both of shape (rows,)."""
    moved = int(((expected >= threshold) != (served >= threshold)).sum())
    return Parity(len(expected), float(np.abs(expected - served).max()), moved)


def served(predictor: Predictor, frame: pd.DataFrame, data: Data) -> np.ndarray:
    """Scores of a table by the way that requests take: row by row as plain values; shape (rows,)."""
    table = inputs(frame, data).astype(object)
    rows = table.where(table.notna(), None)[features(data)].to_dict("records")
    return predictor.scores(rows)
