"""The counts of the data contract: for every rule one figure, its bounds, and a sentence with an example.

One pass over each column. Great Expectations copies the whole table for most rules of each column, so 500 columns took
minutes. Counts of parts of a table add up to those of the whole, so parts may be counted one after the other, or by
many processes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

import numpy as np
import pandas as pd

from ml.data.repeats import Repeats, hashes
from ml.data.words import key
from ml.settings.data import Data
from ml.settings.validate import Validate
from ml.tasks.target_column import column_of
from ml.validation.tallies import VALUES, Figure, Rule, Tally, limits, number, strange, tallies


@dataclass
class Counted:
    """Counts of some rows of a table for the checks of the contract."""

    rows: int
    hits: int  # rows that validate.target_rate counts
    words: pd.Series  # the count of each other value of the target, in the order of appearance
    labelled: int
    newest: Any
    strange: Tally | None  # of a target with classes or numbers
    tallies: list[Tally]
    ids: np.ndarray  # hashes and places of the ids that are there
    features: np.ndarray  # of rows with a value; none if there is no expectation


class Counts:
    """The sum of the counts of a table's parts, in their order."""

    def __init__(self, data: Data, params: Validate) -> None:
        self._data, self._params = data, params
        self._ids, self._features = Repeats(), Repeats()
        self._sum: Counted | None = None

    def add(self, part: Counted) -> None:
        """The next part."""
        for known, pairs in ((self._ids, part.ids), (self._features, part.features)):
            known.add(pairs[:, :2], pairs[:, 2].astype("int64"))
        none = np.empty((0, 3), "uint64")
        lean = replace(part, ids=none, features=none)
        self._sum = _sum(self._sum, lean) if self._sum else lean

    @property
    def target(self) -> Counted:
        """The sums; those of the target are judged separately."""
        if self._sum is None:
            raise ValueError("no part was counted")
        return self._sum

    def figures(self, shown: Callable[[int], Any]) -> Iterator[Figure]:
        """A figure for every rule of the contract; `shown` gives the id of a row."""
        found, data, params = self.target, self._data, self._params
        size = Rule("expect_table_row_count_to_be_between", "table", "validate.min_rows")
        yield _bounded(size, found.rows, params.min_rows, None)
        again, valued = self._ids.found(), found.tallies[0].rows - found.tallies[0].wrong
        unique = Rule(f"{VALUES}be_unique", data.id, "data.id")
        example = f"e.g. {shown(again.first)!r}" if again.rows else ""
        what = "values that occur more than once"
        yield Tally(unique, what, found.rows, valued, again.rows, again.first, example).figure
        yield from (tally.figure for tally in found.tallies)
        yield from self._of_table(found)

    def _of_table(self, found: Counted) -> Iterator[Figure]:
        data, params = self._data, self._params
        rate, share = params.target_rate, params.duplicate_share
        subject = column_of(data).rate
        if subject and (rate.min is not None or rate.max is not None):
            rule = Rule("expect_column_mean_to_be_between", subject, "validate.target_rate")
            yield _bounded(rule, found.hits / found.rows, rate.min, rate.max)
        if share < 1:
            again, kind = self._features.found(), "expect_compound_columns_to_be_unique"
            rule = Rule(kind, "table", "validate.duplicate_share", share, "warning")
            what = f"repeated (allowed: {share:.0%})"
            yield Tally(rule, what, found.rows, found.rows, again.rows, again.first, "first").figure
        if data.time and params.max_age_days:
            yield _age(found.newest, data.time, float(params.max_age_days))


def counted_rows(frame: pd.DataFrame, data: Data, params: Validate, first: int = 0) -> Counted:
    """The counts of rows in the contract's types; `first` is the position of the first of them in the table."""
    target = frame[data.target.name]
    yes = column_of(data).yes(target)
    features = frame[[*data.columns]] if params.duplicate_share < 1 else frame[[]]
    filled = ~features.isna().all(axis="columns")
    return Counted(
        rows=len(frame),
        hits=0 if yes is None else int(yes.sum()),
        words=pd.Series(dtype="int64") if yes is None else _counted_words(target[target.notna() & ~yes]),
        labelled=int(target.notna().sum()),
        newest=frame[data.time].max() if data.time else None,
        strange=strange(target, data, first),
        tallies=[*tallies(frame, data, first)],
        ids=_placed(frame[[data.id]], frame[data.id].notna(), first),
        features=_placed(features, filled, first),
    )


def _counted_words(target: pd.Series) -> pd.Series:
    return target.map(key).value_counts(sort=False)


def _sum(old: Counted, new: Counted) -> Counted:
    words = pd.concat([old.words, new.words])
    return Counted(
        rows=old.rows + new.rows,
        hits=old.hits + new.hits,
        words=words.groupby(level=0, sort=False).sum(),
        labelled=old.labelled + new.labelled,
        newest=max((t for t in (old.newest, new.newest) if not pd.isna(t)), default=pd.NaT),
        strange=old.strange.plus(new.strange) if old.strange and new.strange else None,
        tallies=[a.plus(b) for a, b in zip(old.tallies, new.tallies, strict=True)],
        ids=old.ids,
        features=old.features,
    )


def _placed(columns: pd.DataFrame, kept: pd.Series, first: int) -> np.ndarray:
    """Two hashes of each of these rows and its position; shape (rows, 3)."""
    if not len(columns.columns):
        return np.empty((0, 3), "uint64")
    places = np.arange(first, first + len(columns), dtype="uint64")
    return np.column_stack([hashes(columns), places])[kept.to_numpy()]


def _age(newest: Any, time: str, most: float) -> Figure:
    now = pd.Timestamp.now(UTC)
    age = (now - (newest if newest.tzinfo else newest.tz_localize(UTC))) / pd.Timedelta(days=1)
    found = f"{newest}{limits(now.tz_localize(None) - pd.Timedelta(days=most), None)}"
    rule = Rule("expect_column_max_to_be_between", time, "validate.max_age_days", severity="warning")
    return Figure(rule, found, np.inf if pd.isna(age) else age, -np.inf, most)


def _bounded(rule: Rule, value: float, low: float | None, high: float | None) -> Figure:
    found = f"{number(value)}{limits(low, high)}"
    return Figure(rule, found, value, -np.inf if low is None else low, np.inf if high is None else high)
