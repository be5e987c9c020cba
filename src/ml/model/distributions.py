"""Distributions of columns as counts, whose size does not depend on the number of rows."""

from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from ml.data.schema import levels
from ml.data.words import OTHERS
from ml.settings.section import Section

POINTS = 400  # of a distribution; a KS statistic at these is at most 1/400 too small


class Numbers(Section):
    """A number column: the counts of present values below each point, and at or below it."""

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


def of_numbers(column: pd.Series, most: int = POINTS) -> Numbers:
    """The profile of a number column; exact if it has few distinct values."""
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
    """The finite values in ascending order; all others count as missing."""
    values = pd.to_numeric(column, errors="coerce").to_numpy("float64", na_value=np.nan)
    return np.sort(values[np.isfinite(values)])


def of_levels(column: pd.Series, like: Levels | None = None) -> Levels:
    """The profile of a category column; unlisted levels are combined if `like` combines them."""
    names = levels(column)
    if like and OTHERS in like.levels:
        names = names.where(names.isna() | names.isin([*like.levels]), OTHERS)
    counts = names.value_counts()
    found = {level: int(counts[level]) for level in sorted(counts.index)}
    return Levels(rows=int(counts.sum()), missing=len(column) - int(counts.sum()), levels=found)
