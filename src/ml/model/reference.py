"""What the rows looked like that a model was released on: the profile that monitoring compares with, kept beside it.

Features are those of the training side; scores and metrics those of the test side, because a model is too sure of rows
that it has learnt. Counts stand at fixed points of each distribution, so the profile stays small however many rows
there were.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError

from ml.data.others import pooled
from ml.data.schema import categories, levels, numbers
from ml.data.words import OTHERS
from ml.io.errors import UserError
from ml.settings.data import Data
from ml.settings.evaluate import Evaluate
from ml.settings.reading import Part
from ml.settings.section import Project, Section
from ml.tasks.choose import task_of
from ml.tasks.kinds import DEFAULT, Name

MONTHLY = {"trained": 500, "tested": 100}  # rows that a calendar month must have to be a reference by itself
COARSE = 40  # points of a month's distribution: 12 months weigh as much as the whole, and effects matter from 0.1
POINTS = 400  # of a distribution: a KS statistic at these is never too large, and too small by 1/400 at most


class Numbers(Section):
    """A number column: how many present values lie below each point, and how many at or below it."""

    rows: int  # present values
    missing: int
    points: Annotated[tuple[float, ...], Field(strict=False)]
    below: Annotated[tuple[int, ...], Field(strict=False)]
    upto: Annotated[tuple[int, ...], Field(strict=False)]


class Levels(Section):
    """A category column: rows of each level."""

    rows: int  # present values
    missing: int
    levels: dict[str, int]


class Promise(Section):
    """What the interval around a number promises, and by how much the number varies."""

    half_width: float
    level: float  # the share of rows that the interval holds
    spread: float  # standard deviation of the truth of the test rows


class Month(Section):
    """What one calendar month looked like, of whatever year."""

    columns: dict[str, Numbers | Levels]
    score: Numbers
    decided: Levels | None = None


class Reference(Section):
    """A release as monitoring remembers it."""

    project: str
    rows: int  # that trained
    columns: dict[str, Numbers | Levels]
    score: Numbers  # of the test rows
    decided: Levels | None = None  # the class that each test row was given, one of several
    interval: Promise | None = None  # of a number
    tested: int  # test rows
    threshold: float
    confidence: float  # of the intervals below
    metrics: dict[str, dict[str, float]]  # at release: value, low and high of each
    task: Name = DEFAULT.name
    months: dict[str, Month] = Field(default_factory=dict)  # by number, `1` to `12`, those with enough rows
    features: str = ""  # the text of src/features.py, where it makes some of the columns


class Judged(Part):
    """The sections of params.yaml that a reference holds something of."""

    project: Project
    data: Data
    evaluate: Evaluate = Evaluate()


def build(
    train: pd.DataFrame,
    score: np.ndarray,
    metrics: Mapping[str, Any],
    params: Judged,
    tested_at: pd.Series | None = None,
) -> Reference:
    """The reference of a model: `train` in the contract's types, `score` and `metrics` of the test rows.

    `tested_at` are the times of the test rows, where the table has times.
    """
    task = task_of(params.data)
    watched, given = pd.Series(task.watch(score)), task.given(score)
    return Reference(
        project=params.project,
        rows=len(train),
        columns=profiled(train, params.data),
        score=of_numbers(watched),
        decided=None if given is None else Levels(rows=len(score), missing=0, levels=_counted(given, params.data)),
        tested=len(score),
        threshold=params.evaluate.threshold if task.cuts else 0.0,
        task=params.data.target.kind.name,
        confidence=params.evaluate.confidence,
        metrics=dict(metrics),
        months={} if tested_at is None else monthly(train, watched, tested_at, params.data, given),
    )


def _counted(given: np.ndarray, data: Data) -> dict[str, int]:
    """How often each class of the contract was given, 0 too."""
    return {name: int((given == name).sum()) for name in data.target.classes}


def profiled(frame: pd.DataFrame, data: Data, most: int = POINTS) -> dict[str, Numbers | Levels]:
    """The profile of each column of the contract."""
    found: dict[str, Numbers | Levels] = {name: of_numbers(frame[name], most) for name in numbers(data)}
    return found | {name: of_levels(column) for name, column in pooled(frame, data)[categories(data)].items()}


def monthly(
    train: pd.DataFrame, watched: pd.Series, tested_at: pd.Series, data: Data, given: np.ndarray | None = None
) -> dict[str, Month]:
    """The profile of each calendar month that has enough rows on both sides; none where all rows are of one month."""
    trained, tested = pd.to_datetime(train[data.time]).dt.month, pd.to_datetime(tested_at).dt.month.to_numpy()
    if trained.nunique() < 2:  # noqa: PLR2004 - a single day says nothing of seasons
        return {}
    found = {}
    for month in range(1, 13):
        rows, scores = train[trained == month], watched[tested == month]
        if len(rows) >= MONTHLY["trained"] and len(scores) >= MONTHLY["tested"]:
            own = None if given is None else given[tested == month]
            classes = None if own is None else Levels(rows=len(own), missing=0, levels=_counted(own, data))
            profile = profiled(rows, data, COARSE)
            found[str(month)] = Month(columns=profile, score=of_numbers(scores, COARSE), decided=classes)
    return found


def of_numbers(column: pd.Series, most: int = POINTS) -> Numbers:
    """The profile of a number column: exact when it has at most so many distinct values."""
    present = finite(column)
    points = np.unique(present)
    if len(points) > most:
        points = np.unique(present[np.linspace(0, len(present) - 1, most).round().astype("int64")])
    return Numbers(
        rows=len(present),
        missing=len(column) - len(present),
        points=tuple(points.tolist()),
        below=tuple(np.searchsorted(present, points, side="left").tolist()),
        upto=tuple(np.searchsorted(present, points, side="right").tolist()),
    )


def finite(column: pd.Series) -> np.ndarray:
    """The finite values in ascending order: whatever is no number counts as missing."""
    values = pd.to_numeric(column, errors="coerce").to_numpy("float64", na_value=np.nan)
    return np.sort(values[np.isfinite(values)])


def of_levels(column: pd.Series, like: Levels | None = None) -> Levels:
    """The profile of a category column; where `like` has unlisted levels as one, this has them too."""
    names = levels(column)
    if like and OTHERS in like.levels:
        names = names.where(names.isna() | names.isin([*like.levels]), OTHERS)
    counts = names.value_counts()
    found = {level: int(counts[level]) for level in sorted(counts.index)}
    return Levels(rows=int(counts.sum()), missing=len(column) - int(counts.sum()), levels=found)


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
    """The reference in a text; raises UserError when it is none."""
    try:
        return Reference.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'the text'}: {first['msg']}"
        raise UserError(f"{where} is not a reference of a release ({what}). `dvc repro evaluate` writes it.") from None
