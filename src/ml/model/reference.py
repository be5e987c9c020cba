"""The profile of the rows that a model was released on, stored with the model; monitoring compares with it.

Features are of the training rows; scores and metrics are of the test rows, because a model is overconfident on its
training rows. Counts are kept at fixed points of each distribution, so the size of the profile does not depend on the
number of rows.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError

from ml.data.others import pooled
from ml.data.schema import features, numbers
from ml.io.errors import UserError
from ml.io.tables import Table
from ml.model.distributions import POINTS, Levels, Numbers, of_levels, of_numbers
from ml.settings.data import Data
from ml.settings.evaluate import Evaluate
from ml.settings.section import Project, Section, given
from ml.settings.yaml_reading import SettingsPart
from ml.tasks.choose import task_of
from ml.tasks.kinds import DEFAULT, Name

MONTHLY = {"trained": 500, "tested": 100}  # minimum rows of a calendar month for its own reference
COARSE = 40  # points of a month's distribution: 12 months weigh as much as the whole, and effects matter from 0.1


class Promise(Section):
    """The nominal coverage of intervals around a number, and the standard deviation of the number."""

    half_width: float
    level: float  # nominal share of rows within the interval
    spread: float  # standard deviation of the actual values of the test rows


class Month(Section):
    """The profile of one calendar month over all years."""

    columns: dict[str, Numbers | Levels]
    score: Numbers
    decided: Levels | None = None


class Reference(Section):
    """The record of a release for monitoring."""

    project: str
    rows: int  # that trained
    columns: dict[str, Numbers | Levels]
    score: Numbers  # of the test rows
    decided: Levels | None = None  # predicted class of each test row, with several classes
    interval: Promise | None = None  # of a number
    tested: int  # test rows
    threshold: float
    confidence: float  # of the intervals below
    metrics: dict[str, dict[str, float]]  # at release: value, low and high of each metric
    task: Name = DEFAULT.name
    months: dict[str, Month] = Field(default_factory=dict)  # by number, `1` to `12`, those with enough rows
    features: str = ""  # the text of src/features.py, where it makes some of the columns


class ReferenceSettings(SettingsPart):
    """The sections of params.yaml that affect a reference."""

    project: Project
    data: Data
    evaluate: Evaluate = Evaluate()


def build(
    train: Table,
    score: np.ndarray,
    metrics: Mapping[str, Any],
    params: ReferenceSettings,
    tested_at: pd.Series | None = None,
) -> Reference:
    """The reference of a model: `train` in the contract's types, `score` and `metrics` of the test rows.

    `tested_at` holds the times of the test rows, if the table has times.
    """
    task = task_of(params.data, params.evaluate)
    watched, decided = pd.Series(task.watch(score)), task.given(score)
    return Reference(
        project=params.project,
        rows=len(train),
        columns=profiled(train, params.data),
        score=of_numbers(watched),
        decided=None if decided is None else _decided(decided, params.data),
        tested=len(score),
        threshold=task.cut,
        task=params.data.target.kind.name,
        confidence=params.evaluate.confidence,
        metrics=dict(metrics),
        months={} if tested_at is None else monthly(train, watched, tested_at, params.data, decided),
    )


def profiled(frame: Table, data: Data, most: int = POINTS) -> dict[str, Numbers | Levels]:
    """The profile of each column of the contract."""
    return {name: _profile(column, data, most) for name, column in _columns(frame, data)}


def monthly(
    train: Table, watched: pd.Series, tested_at: pd.Series, data: Data, decided: np.ndarray | None = None
) -> dict[str, Month]:
    """The profile of each calendar month that has enough rows on both sides; none if all rows are of one month."""
    trained, tested = (pd.to_datetime(at).dt.month.to_numpy() for at in (train[given(data.time)], tested_at))
    if len(np.unique(trained)) < 2:  # noqa: PLR2004 - a single day says nothing of seasons
        return {}
    many = [m for m in range(1, 13) if (trained == m).sum() >= MONTHLY["trained"]]
    scores = {m: watched[tested == m] for m in many if (tested == m).sum() >= MONTHLY["tested"]}
    columns: dict[int, dict[str, Numbers | Levels]] = {m: {} for m in scores}
    for name, column in _columns(train, data):
        for month, profile in columns.items():
            profile[name] = _profile(column[trained == month], data, COARSE)
    classes = {m: None if decided is None else _decided(decided[tested == m], data) for m in scores}
    return {
        str(m): Month(columns=columns[m], score=of_numbers(found, COARSE), decided=classes[m])
        for m, found in scores.items()
    }


def _decided(classes: np.ndarray, data: Data) -> Levels:
    """The number of predictions of each class of the contract, including 0."""
    counts = {name: int((classes == name).sum()) for name in data.target.classes}
    return Levels(rows=len(classes), missing=0, levels=counts)


def _columns(frame: Table, data: Data) -> Iterator[tuple[str, pd.Series]]:
    """Each feature; one is in memory at a time."""
    return ((name, pooled(frame[[name]], data)[name]) for name in features(data))


def _profile(column: pd.Series, data: Data, most: int) -> Numbers | Levels:
    return of_numbers(column, most) if column.name in numbers(data) else of_levels(column)


def dumps(reference: Reference) -> str:
    """A reference as text; the same one gives the same text."""
    left = ({"task"} if reference.task == DEFAULT.name else set()) | (set() if reference.months else {"months"})
    left |= {name for name in ("decided", "interval", "features") if not getattr(reference, name)}
    told = reference.model_dump(mode="json", exclude=left)
    for month in told.get("months", {}).values():
        if month["decided"] is None:
            del month["decided"]
    return json.dumps(told, ensure_ascii=False, allow_nan=False) + "\n"


def loads(text: str | bytes, where: str) -> Reference:
    """The reference in a text; raises UserError for any other text."""
    try:
        return Reference.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'the text'}: {first['msg']}"
        raise UserError(f"{where} is not a reference of a release ({what}). `dvc repro evaluate` writes it.") from None
