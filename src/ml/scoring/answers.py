"""The answers of one model to the rows of a chunk, as a table and as lines of the prediction log."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd
from pydantic_core import to_json

from ml.engine.job import Job
from ml.model import answers
from ml.prediction_log.records import in_line
from ml.scoring.rows import Checked, Row, plain
from ml.scoring.scored import Scorer

LINE = 1000  # rows of a line of the log, as of the longest request
VARIANTS = ("champion", "shadow")  # of the first model, and of one beside it


@dataclass(frozen=True)
class Answers:
    """What one model says of the rows of a part."""

    model: Scorer
    checked: Checked
    output: np.ndarray
    job: Job
    number: int

    def table(self) -> pd.DataFrame:
        """id, score, label, model, request_id and time of each row, as the API answers and the log says."""
        places = range(0, len(self.checked.ids), LINE)
        requests = [_request(self.job, self.number, place) for place in places for _ in range(LINE)]
        found = answers.added(self.model.contract)(self.output, self.logged)
        flat = [
            {**one, **{f"scores_{k}": v for k, v in one["scores"].items()}} if "scores" in one else one for one in found
        ]
        types = answers.names(self.model.contract)
        said = {name: pd.Series([one[name] for one in flat], dtype=kind) for name, kind in types.items()}
        ids = pd.DataFrame({"id": pd.Series(self.checked.ids, dtype="str")})
        return ids.assign(**said).assign(
            model=self.model.name,
            request_id=pd.Series(requests[: len(ids)], dtype="str"),
            time=pd.Timestamp(self.job.time).as_unit("us"),
        )

    def lines(self, variant: str) -> bytes:
        """The same for the prediction log, with the features, LINE rows a line."""
        said = [*(self.logged[0] if self.logged else ())]
        names = ["id", *(in_line(name) for name in self.checked.table), *said]
        answers = ([row[name] for row in self.logged] for name in said)
        cells = [self.checked.ids, *(plain(column) for column in self.checked.table.values()), *answers]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]
        return b"".join(self._line(variant, place, rows) for place in range(0, len(rows), LINE))

    def _line(self, variant: str, place: int, rows: list[Row]) -> bytes:
        head = {"kind": "prediction", "time": self.job.time, "request_id": _request(self.job, self.number, place)}
        line = {**head, "model": self.model.name, "variant": variant, "rows": rows[place : place + LINE]}
        return to_json(line) + b"\n"

    @cached_property
    def logged(self) -> answers.Rows:
        """Score and label of each row, as the log holds them."""
        return answers.logged(self.model.contract)(self.output)


def segment(job: Job, number: int, variant: str) -> str:
    """The name of the log's segment for a part: the same each time, so that writing it again doubles nothing."""
    return f"{datetime.fromisoformat(job.time):%Y%m%dT%H%M%S}-batch-{job.name}-{variant}-{number:06d}"


def _request(job: Job, number: int, place: int) -> str:
    """The id of the request that a row of a part belongs to."""
    return f"batch-{job.name}-{number:06d}-{place // LINE:04d}"
