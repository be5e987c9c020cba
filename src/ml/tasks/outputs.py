"""A model's output as columns of a table, and back."""

import numpy as np
import pandas as pd

from ml.tasks.task import Task


def columns(task: Task, output: np.ndarray) -> dict[str, np.ndarray]:
    """The output, shape (rows,) or (rows, classes), as one column each."""
    return dict(zip(task.columns(), output.reshape(len(output), -1).T, strict=True))


def output(task: Task, table: pd.DataFrame) -> np.ndarray:
    """The output that a table with these columns holds."""
    found = table[task.columns()].to_numpy()
    return found[:, 0] if found.shape[1] == 1 else found
