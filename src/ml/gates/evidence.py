"""The inputs of the gates."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.io.locks import Locks
from ml.io.tables import Table
from ml.settings.params import Params
from ml.tasks.choose import task_of
from ml.tasks.task import Task

Row = dict[str, float | str | None]
Answer = Callable[[list[Row]], Any]  # outputs, as a list or an array: (rows,) or (rows, classes)


@dataclass(frozen=True)
class ServedScores:
    """The functions of a model: scores of tables, of request rows and of the server over HTTP; and its size."""

    score: Callable[..., np.ndarray]  # scores of a table; and names of made columns that keep their values in it
    answer: Answer
    tabled: Answer  # the same rows as columns, like in `make score`
    server: Callable[[], AbstractContextManager[Answer]]  # raises UserError if it cannot serve or refuses rows
    size: int
    uncompiled: str = ""  # the reason that scikit-learn serves rows, "" if the compiled form does


@dataclass(frozen=True)
class ScoredChampion:
    """The champion with its scores of our test rows; without scores if it cannot be fetched or cannot score them."""

    version: str
    params: dict[str, Any]  # the params.yaml of its training, {} if unknown
    data: str  # MD5 of its training table, "" if unknown
    served: ServedScores | None = None
    score: np.ndarray | None = None
    same: bool = False  # the judged model itself, with the same decisions
    why: str = ""  # the reason that it has no scores
    digest: str | None = None  # its name in the registry, None for a build


@dataclass(frozen=True)
class Evidence:
    """The inputs of the gates: the build, the sides of the split, and the champion if there is one."""

    params: Params
    validation: dict[str, Any]  # build/validation.json
    train: Table
    test: pd.DataFrame
    label: np.ndarray  # of the test side, in the form of its task; shape (rows,)
    score: np.ndarray  # of the test side, as evaluate wrote it; shape (rows,) or (rows, classes)
    intervals: dict[str, dict[str, float]]  # build/intervals.json
    model: ServedScores
    locks: Locks
    data: str = ""  # MD5 of the table
    champion: ScoredChampion | None = None
    looks: int = 1  # models known to have been judged on these test rows, including this one
    half_width: float | None = None  # of the interval around a predicted number

    @property
    def task(self) -> Task:
        """The task, which knows how the model decides, and its interval where there is one."""
        task = task_of(self.params.data, self.params.evaluate)
        return task.with_interval(self.half_width, self.params.evaluate.coverage) if task.intervals else task
