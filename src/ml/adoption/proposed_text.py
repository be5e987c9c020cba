"""Columns of text: their levels, or the words of those that the user names as free text."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ml.data.cells import shown
from ml.data.number_units import SOME, times_of_day, units
from ml.data.schema import levels
from ml.data.texts import spoken
from ml.io.text import counted
from ml.settings.data import Text
from ml.tasks.inferred import LEVELS

COMMON = 0.5  # share of the rows that the most frequent levels must cover,
ENOUGH = 5  # or rows of each level on average; with fewer, almost every row has its own level
AGAIN = (
    ". If they identify entities with several rows, these rows leak between training and test: "
    "docs/your-data.md (Grouped rows)"
)
SEVERAL = 3  # words, in half of the texts: then a column holds sentences rather than codes or names
SAMPLE = 1000
STEP, MOST = 1000, 100_000  # characters


def named(given: str, columns: Iterable[str]) -> list[str]:
    """The columns in a list with commas; a column whose own name has a comma is one."""
    return [given] if given in [*columns] else [name for part in given.split(",") if (name := part.strip())]


def column(texts: pd.Series) -> dict[str, Any] | str:
    """The contract of a column of free text, with room for texts twice as long; or the reason why it is no feature."""
    seen = levels(texts.dropna())
    if why := unvaried(seen):
        return why
    usual = Text(type="text")
    longest = min(MOST, max(usual.length, -(-2 * int(seen.str.len().max()) // STEP) * STEP))
    return {"type": "text", "words": usual.words, "length": longest, **room(texts)}


def unvaried(seen: pd.Series) -> str:
    """Why a column with these values cannot be a feature: it has fewer than two; empty if it has more."""
    if seen.nunique() >= 2:  # noqa: PLR2004
        return ""
    return f"every row holds the same ({shown(seen.iloc[0])})" if len(seen) else "every row is missing"


def room(column: pd.Series) -> dict[str, float]:
    """The share of rows that may be missing: more than now; nothing if none is missing."""
    gaps = float(column.isna().mean())
    return {"missing": min(1.0, round(gaps * 1.5 + 0.05, 2))} if gaps else {}


def _remedy(seen: pd.Series) -> str:
    """What else can be done with texts that hardly repeat, if they have several words."""
    counts = levels(seen.head(SAMPLE)).map(spoken)
    return f", or use its words as features with TEXT={seen.name}" if counts.median() >= SEVERAL else ""


def levels_of(seen: pd.Series, missing: dict[str, float]) -> dict[str, Any] | str:
    """The contract of a column of text, or the reason why its levels cannot be features."""
    counts = levels(seen).value_counts()
    values = counts.index
    if len(values) <= LEVELS:
        return {"type": "category", "values": list(values), **missing}
    repeated = len(seen) / len(values)
    if repeated < ENOUGH and counts.iloc[:LEVELS].sum() < COMMON * len(seen):
        if unit := units(values, SOME):
            return f"numbers with a unit ({unit}), such as {values[0]!r}; write the numbers alone, all in one unit"
        if times_of_day(values):
            how = "make numbers of them: docs/features.md (Times of day)"
            return f"times of day or durations, such as {values[0]!r}; {how}"
        leak = AGAIN if repeated >= 1.5 else ""  # noqa: PLR2004
        said = f"{counted(len(values), 'different text')} in {counted(len(seen), 'row')}"
        words = _remedy(seen)
        return f"{said}; make a column of the part that repeats{words}{leak}"
    many = {"others": True, "encoding": "target"}
    return {"type": "category", "values": sorted(values[:LEVELS]), **many, **missing}
