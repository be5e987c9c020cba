"""The results for one chunk: the predictions, their lines in the log, and the refused rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from ml.data.numerals import Writing
from ml.engine.job import Job
from ml.engine.source import Chunk
from ml.io.tables import as_parquet
from ml.scoring.answered import VARIANTS, ChunkAnswers, segment
from ml.scoring.named_model import Scorer
from ml.scoring.rows import check


class Shared(NamedTuple):
    """The arguments of the work on every chunk of a job."""

    job: Job
    models: list[Scorer]
    explain: bool = False
    total: int | None = None  # rows, if known
    written: Mapping[str, Writing] = MappingProxyType({})  # the number format of text columns, by all rows


class ChunkTask(NamedTuple):
    """A chunk and its number in the job."""

    number: int
    chunk: Chunk


@dataclass(frozen=True)
class Outcome:
    """The stored results of a chunk: always the same if a kill causes a repeat."""

    table: bytes  # a Parquet file
    scored: int
    lines: dict[str, bytes]  # by segment of the log
    refused: pd.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of scored and of refused rows."""
        return {"scored": self.scored, "quarantined": len(self.refused)}


def make(task: ChunkTask, shared: Shared) -> Outcome:
    """Check the rows of a chunk and predict with every model; the first model's predictions are the result."""
    data, source = shared.models[0].contract.data, shared.models[0].predictor.features
    checked = check(task.chunk, data, source, shared.written)
    job, models = shared.job, shared.models
    for model in models:
        model.predictor.expect(shared.total or 0)
    scores = [model.predictor.scores_of_table(checked.table) if len(checked.ids) else np.empty(0) for model in models]
    answers = [ChunkAnswers(m, checked, found, job, task.number) for m, found in zip(models, scores, strict=True)]
    named = zip(VARIANTS, answers, strict=False)
    lines = {segment(job, task.number, variant): given.lines(variant) for variant, given in named}
    table = answers[0].table()
    table = models[0].explained(table, checked.rows) if shared.explain else table
    return Outcome(as_parquet(table), len(table), lines, checked.refused)
