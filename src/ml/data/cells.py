"""The result of reading a column: its cells, conversions and unreadable values."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from ml.data import words
from ml.io.text import counted
from ml.settings.data import as_text


class Change(NamedTuple):
    """A conversion of some values of a column."""

    what: str
    count: int
    of: int
    example: str

    def __str__(self) -> str:
        return f"{self.count:,} of {counted(self.of, 'value')} {self.what}, e.g. {self.example}"

    def plus(self, later: "Change") -> "Change":
        """The conversion of these values and of later ones."""
        return self._replace(count=self.count + later.count, of=self.of + later.of)


@dataclass(frozen=True)
class Column:
    """A column in its type, missing where a value is unreadable; `wrong` has the rows and reasons."""

    cells: pd.Series
    wrong: dict[str, pd.Series] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Wrong:
    """Rows of a column that cannot be read."""

    column: str
    why: str
    rows: pd.Series  # of bool

    def sentence(self, raw: pd.Series) -> str:
        """The number of rows, the reason, and the first value in the table."""
        first = int(self.rows.to_numpy().argmax())
        count, of = int(self.rows.sum()), len(self.rows)
        return f"{count:,} of {counted(of, 'row')} are {self.why}, e.g. {shown(raw.iloc[first])} at row {first + 1:,}"


@dataclass(frozen=True)
class Typed:
    """A table in the types of the contract."""

    frame: pd.DataFrame
    wrong: list[Wrong]
    told: list[tuple[str, Change]]

    @property
    def changes(self) -> list[str]:
        """A sentence for each change."""
        return [f"{name}: {change}" for name, change in self.told]


def nested(raw: pd.Series) -> bool:
    """Whether a column holds lists, structs, maps or bytes, which have no type in the contract."""
    if isinstance(raw.dtype, pd.ArrowDtype):
        return True  # ml.data.reading leaves only these as Arrow has them
    if raw.dtype != object:
        return False
    first = raw.dropna().head(1)
    return len(first) > 0 and isinstance(first.iloc[0], list | dict | tuple | set | bytes | np.ndarray)


def as_strings(raw: pd.Series) -> pd.Series:
    """A column as text, missing where it is missing; numbers and truths as `as_text` writes them."""
    if isinstance(raw.dtype, pd.StringDtype):
        return raw.astype("str")
    return raw.astype(object).map(as_text, na_action="ignore").astype("str")


def shown(value: object) -> str:
    """The short Python representation of a value, without numpy's type."""
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 80 else text[:80] + "…"  # noqa: PLR2004


def example(raw: pd.Series, rows: pd.Series) -> str:
    """The first of these rows."""
    return shown(raw[rows].iloc[0])


def changes(raw: pd.Series, rows: dict[str, pd.Series]) -> tuple[Change, ...]:
    """A conversion of some rows of a column."""
    return tuple(_told(raw, rows))


def missing(raw: pd.Series, text: pd.Series | None = None) -> pd.Series:
    """Rows that are missing, or hold a word for it; `text` is the column as stripped text, if available."""
    if not (isinstance(raw.dtype, pd.StringDtype) or raw.dtype == object):
        return raw.isna()
    text = as_strings(raw).str.strip() if text is None else text
    return text.isna() | (text == "") | text.str.lower().isin(words.MISSING)


def matches(text: pd.Series, pattern: str) -> pd.Series:
    """Rows whose whole text matches the pattern; bool, false where missing."""
    return text.str.fullmatch(pattern).fillna(value=False).astype(bool)


def _told(raw: pd.Series, rows: dict[str, pd.Series]) -> Iterator[Change]:
    for what, these in rows.items():
        if count := int(these.sum()):
            yield Change(what, count, len(raw), example(raw, these))


def unreadable(raw: pd.Series, why: str, dtype: str = "float64") -> Column:
    """A column without a readable value, for this reason."""
    return Column(pd.Series(None, index=raw.index, dtype=dtype), some({why: raw.notna()}))


def some(wrong: dict[str, pd.Series]) -> dict[str, pd.Series]:
    """The reasons that apply to at least one row."""
    return {why: rows for why, rows in wrong.items() if rows.any()}
