"""The predictions of one model for the rows of a chunk, as a table and as lines of the prediction log."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd
from pydantic_core import to_json

from ml.engine.job import Job
from ml.model.parts import CHAMPION, SHADOW
from ml.prediction_log.records import FEATURES
from ml.scoring.lines import rows_as_json
from ml.scoring.named_model import Scorer
from ml.scoring.rows import Checked
from ml.tasks.answers import answers_of

LINE = 1000  # rows per line of the log, like the longest request
VARIANTS = (CHAMPION, SHADOW)  # for the first model, and for the challenger


@dataclass(frozen=True)
class ChunkAnswers:
    """The predictions of one model for the rows of a part."""

    model: Scorer
    checked: Checked
    output: np.ndarray
    job: Job
    number: int

    def table(self) -> pd.DataFrame:
        """id, score, label, model, request_id and time of each row, as in the API and the log."""
        count = len(self.checked.ids)
        requests = [_request(self.job, self.number, place) for place in range(0, count, LINE)]
        texts = {"model": np.full(count, self.model.name, dtype=object)}
        texts["request_id"] = np.repeat(np.array(requests, dtype=object), LINE)[:count]
        columns = {"id": self.checked.ids, **self._said, **texts}
        made = {name: pd.Series(v, dtype="str" if v.dtype == object else v.dtype) for name, v in columns.items()}
        return pd.DataFrame(made, copy=False).assign(time=pd.Timestamp(self.job.time).as_unit("us"))

    def lines(self, variant: str) -> bytes:
        """The same as lines of the prediction log with the features, LINE rows per line."""
        score = self._said["value" if "value" in self._said else "score"]
        label = self._said.get("label", np.full(len(score), None))
        columns = {"id": self.checked.ids, FEATURES: self.checked.table, "score": score, "label": label}
        rows = rows_as_json(columns, LINE)
        return b"".join(self._line(variant, place * LINE, text) for place, text in enumerate(rows))

    def _line(self, variant: str, place: int, rows: bytes) -> bytes:
        head = {"kind": "prediction", "time": self.job.time, "request_id": _request(self.job, self.number, place)}
        head = to_json({**head, "model": self.model.name, "variant": variant})
        return head[:-1] + b',"rows":[' + rows + b"]}\n"

    @cached_property
    def _said(self) -> dict[str, np.ndarray]:
        return answers_of(self.model.contract).columns(self.output)


def segment(job: Job, number: int, variant: str) -> str:
    """The request id of a row of a part."""
    return f"{datetime.fromisoformat(job.time):%Y%m%dT%H%M%S}-batch-{job.name}-{variant}-{number:06d}"


def _request(job: Job, number: int, place: int) -> str:
    """The id of the request that a row of a part belongs to."""
    return f"batch-{job.name}-{number:06d}-{place // LINE:04d}"
