"""The number of rows that break each rule of the contract, with the first one as an example."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ml.data.others import strange as unlisted
from ml.io.text import counted
from ml.settings.data import Category, Data, Number
from ml.tasks.target_column import column_of

VALUES = "expect_column_values_to_"


class Rule(NamedTuple):
    """An expectation: its subject, its text and its setting in params.yaml."""

    expectation: str  # its name in Great Expectations
    subject: str
    setting: str
    allowed: float = 0.0  # share of rows that may break it
    severity: str = "critical"


class Figure(NamedTuple):
    """The result of a rule: `value` must be between `low` and `high`."""

    rule: Rule
    found: str
    value: float
    low: float
    high: float


class Tally(NamedTuple):
    """The number of rows that break a rule."""

    rule: Rule
    what: str  # they are
    rows: int
    valued: int  # rows of which the share is
    wrong: int
    first: int = 0  # the position of the first of them in the table
    example: str = ""

    def plus(self, later: "Tally") -> "Tally":
        """The same of these rows and later ones."""
        sums = {name: getattr(self, name) + getattr(later, name) for name in ("rows", "valued", "wrong")}
        return (self if self.wrong else later)._replace(**sums)

    @property
    def figure(self) -> Figure:
        """The share, with the first row as an example."""
        found = f"all {counted(self.rows, 'row')}"
        if self.wrong:
            rows = counted(self.rows, "row")
            found = f"{self.wrong:,} of {rows} are {self.what}, {self.example} at row {self.first + 1:,}"
        return Figure(self.rule, found, self.wrong / max(1, self.valued), 0.0, self.rule.allowed)


def tallies(frame: pd.DataFrame, data: Data, first: int) -> Iterator[Tally]:
    """Every rule about the values of single columns; `first` is the place of the first row in the table."""
    roles = {data.id: "data.id", data.target.name: "data.target"}
    roles |= {name: f"data.{role}" for role in ("time", "group", "weight") if (name := getattr(data, role))}
    for name, setting in roles.items():
        yield _missing(frame[name], Rule(f"{VALUES}not_be_null", name, setting), first)
    if data.weight:
        rule, weight = Rule(f"{VALUES}be_between", data.weight, "data.weight"), frame[data.weight]
        yield tally(rule, weight <= 0, "not above 0", first, weight)
    for name, column in data.columns.items():
        yield from _of_column(frame[name], name, column, first)
    low, high = data.target.min, data.target.max  # of a target that is a number
    if low is not None or high is not None:
        values = pd.to_numeric(frame[data.target.name])
        yield _between(values, Rule(f"{VALUES}be_between", data.target.name, "data.target"), (low, high), first)


def strange(column: pd.Series, data: Data, first: int) -> Tally | None:
    """For a target that is not one of two: the rows with none of its classes, or no number."""
    found = column_of(data).strange(column)
    if found is None:
        return None
    return tally(Rule(found.rule, data.target.name, "data.target"), found.rows, found.what, first, column)


def tally(rule: Rule, wrong: pd.Series, what: str, first: int = 0, values: pd.Series | None = None) -> Tally:
    """The rows with a value that break a rule, with the first of them as an example."""
    count, total = int(wrong.sum()), len(wrong)
    valued = total if values is None else int(values.notna().sum())
    if not count:
        return Tally(rule, what, total, valued, 0)
    row = int(wrong.to_numpy().argmax())
    example = "first" if values is None else f"e.g. {_plain(values.iloc[row])!r}"
    return Tally(rule, what, total, valued, count, first + row, example)


def limits(low: Any, high: Any) -> str:
    """The expected range as text, ` (expected 1 to 2)`."""
    if low is None and high is None:
        return ""
    if low is not None and high is not None:
        return f" (expected {number(low)} to {number(high)})"
    return f" (expected at least {number(low)})" if high is None else f" (expected at most {number(high)})"


def number(value: Any) -> str:
    """A number formatted for people."""
    return f"{value:,.6g}" if isinstance(value, int | float) else str(value)


def _of_column(values: pd.Series, name: str, column: Number | Category, first: int) -> Iterator[Tally]:
    setting, between = f"data.columns.{name}", f"{VALUES}be_between"
    yield _missing(values, Rule(f"{VALUES}not_be_null", name, setting, column.missing), first)
    if isinstance(column, Category):
        wrong, what = unlisted(values, column)
        yield tally(Rule(f"{VALUES}be_in_set", name, setting), wrong, what, first, values)
        return
    if column.min is not None or column.max is not None:
        yield _between(values, Rule(between, name, setting), (column.min, column.max), first)
    if (usual := column.usual) and (usual.min is not None or usual.max is not None):
        yield _between(values, Rule(between, name, setting, usual.share, "warning"), (usual.min, usual.max), first)


def _between(values: pd.Series, rule: Rule, ends: tuple[float | None, float | None], first: int) -> Tally:
    low, high = ends
    inside = values.between(-np.inf if low is None else low, np.inf if high is None else high)
    what = f"not{limits(low, high).strip(' ()')[len('expected') :]}"
    return tally(rule, values.notna() & ~inside, what, first, values)


def _missing(values: pd.Series, rule: Rule, first: int) -> Tally:
    return tally(rule, values.isna(), f"missing (allowed: {rule.allowed:.0%})", first)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
