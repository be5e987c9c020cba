"""Whether the compiled form agrees with the model."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.data.schema import features, inputs
from ml.model.encoder import Rows
from ml.model.gaps import gaps
from ml.model.predictor import Predictor
from ml.settings.data import Data, Number
from ml.tasks.task import Task

TOLERANCE = 1e-6
ROWS = 10_000  # rows as dicts at a time, because a million dicts take gigabytes


@dataclass(frozen=True)
class ParityFound:
    """The largest difference between two ways to score the same rows, and the number of labels that differ."""

    rows: int
    largest: float
    labels_moved: int

    @property
    def holds(self) -> bool:
        """True if every score agrees to 1e-6 and no label differs."""
        return self.largest <= TOLERANCE and self.labels_moved == 0


def compare(expected: np.ndarray, served: np.ndarray, task: Task) -> ParityFound:
    """Two outputs of the same rows, both of shape (rows,) or (rows, classes)."""
    flips = int(task.flips(expected, served).sum())
    return ParityFound(len(expected), float(gaps(expected, served).max()), flips)


def tabled(predictor: Predictor, data: Data, rows: Rows) -> np.ndarray:
    """Scores of rows by the method of `make score`: column by column; shape (rows,) or (rows, classes)."""
    columns = {name: [row.get(name) for row in rows] for name in features(data)}
    kinds = {name: "float64" if isinstance(data.columns[name], Number) else object for name in columns}
    return predictor.scores_of_table({name: np.array(cells, dtype=kinds[name]) for name, cells in columns.items()})


def served(predictor: Predictor, frame: pd.DataFrame, data: Data) -> np.ndarray:
    """Scores of a table by the method of requests: row by row as plain values; shape (rows,) or (rows, classes)."""
    parts = [frame.iloc[start : start + ROWS] for start in range(0, max(1, len(frame)), ROWS)]
    return np.concatenate([predictor.scores(_rows(part, data)) for part in parts])


def _rows(frame: pd.DataFrame, data: Data) -> Rows:
    table = inputs(frame, data).astype(object)
    return table.where(table.notna(), None)[features(data)].to_dict("records")
