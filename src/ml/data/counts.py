"""The data contract counted: of every rule one figure, the bounds it must keep, and a sentence with an example.

One pass over each column. Great Expectations, asked for each rule of each column, copies the whole table for most of
them: 500 columns took it minutes.
"""

from collections.abc import Iterator
from datetime import UTC
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ml.data.schema import positive
from ml.io.text import counted
from ml.settings.data import Category, Data, Number
from ml.settings.validate import Validate

SPREAD = np.uint64(1_000_003)  # any odd number: the same values in two other columns hash otherwise
VALUES = "expect_column_values_to_"


class Rule(NamedTuple):
    """What is expected, of what, and the setting of params.yaml that says so."""

    expectation: str  # the name that Great Expectations has for it
    subject: str
    setting: str
    allowed: float = 0.0  # share of rows that may break it
    severity: str = "critical"


class Figure(NamedTuple):
    """What was found of a rule: `value` must lie between `low` and `high`."""

    rule: Rule
    found: str
    value: float
    low: float
    high: float


def figures(frame: pd.DataFrame, data: Data, params: Validate) -> Iterator[Figure]:
    """A figure for every rule of the contract and about the whole table; `frame` is in the contract's types."""
    size = Rule("expect_table_row_count_to_be_between", "table", "validate.min_rows")
    yield _bounded(size, len(frame), params.min_rows, None)
    ids = frame[data.id]
    again = ids.notna() & ids.duplicated(keep=False)
    yield _share(Rule(f"{VALUES}be_unique", data.id, "data.id"), again, "a value that stands elsewhere too", ids)
    roles = {data.id: "data.id", data.target.name: "data.target"} | ({data.time: "data.time"} if data.time else {})
    for name, setting in roles.items():
        yield _missing(frame[name], Rule(f"{VALUES}not_be_null", name, setting))
    for name, column in data.columns.items():
        yield from _of_column(frame[name], name, column)
    yield from _of_table(frame, data, params)


def repeated(frame: pd.DataFrame) -> pd.Series:
    """Which rows stand in the table more than once; `frame` is in the contract's types.

    Equal rows have equal hashes, so only rows that share one are compared: a fraction of the memory that comparing all
    of them takes.
    """
    hashes = np.zeros(len(frame), dtype="uint64")
    for name in frame:
        values = frame[name].to_numpy()
        if values.dtype == "float64":
            values = np.where(np.isnan(values), np.nan, values + 0.0)  # every NaN is one value, and -0.0 is 0.0
        hashes = hashes * SPREAD + pd.util.hash_array(values)
    found = pd.Series(hashes, index=frame.index).duplicated(keep=False)
    alike = found.to_numpy()
    found[alike] = frame[alike].duplicated(keep=False)
    return found


def limits(low: Any, high: Any) -> str:
    """` (expected 1 to 2)`, or what there is of it."""
    if low is None and high is None:
        return ""
    if low is not None and high is not None:
        return f" (expected {number(low)} to {number(high)})"
    return f" (expected at least {number(low)})" if high is None else f" (expected at most {number(high)})"


def number(value: Any) -> str:
    """A figure for people."""
    return f"{value:,.6g}" if isinstance(value, int | float) else str(value)


def _of_column(values: pd.Series, name: str, column: Number | Category) -> Iterator[Figure]:
    setting, between = f"data.columns.{name}", f"{VALUES}be_between"
    yield _missing(values, Rule(f"{VALUES}not_be_null", name, setting, column.missing))
    if isinstance(column, Category):
        levels = column.values  # noqa: PD011 - of the contract
        wrong = values.notna() & ~values.isin(levels)
        yield _share(Rule(f"{VALUES}be_in_set", name, setting), wrong, f"none of {', '.join(levels)}", values)
        return
    if column.min is not None or column.max is not None:
        yield _between(values, Rule(between, name, setting), column.min, column.max)
    if (usual := column.usual) and (usual.min is not None or usual.max is not None):
        yield _between(values, Rule(between, name, setting, usual.share, "warning"), usual.min, usual.max)


def _of_table(frame: pd.DataFrame, data: Data, params: Validate) -> Iterator[Figure]:
    rate, share = params.target_rate, params.duplicate_share
    low, high = data.target.min, data.target.max  # of a target that is a number
    if low is not None or high is not None:
        values = pd.to_numeric(frame[data.target.name])
        yield _between(values, Rule(f"{VALUES}be_between", data.target.name, "data.target"), low, high)
    if data.target.task == "binary" and (rate.min is not None or rate.max is not None):
        subject = f"{data.target.name} is {data.target.positive}"
        rule = Rule("expect_column_mean_to_be_between", subject, "validate.target_rate")
        yield _bounded(rule, float(positive(frame[data.target.name], data).mean()), rate.min, rate.max)
    if share < 1:
        features = frame[[*data.columns]]
        again = repeated(features) & ~features.isna().all(axis="columns")
        kind = "expect_compound_columns_to_be_unique"
        rule = Rule(kind, "table", "validate.duplicate_share", share, "warning")
        yield _share(rule, again, f"repeated (allowed: {share:.0%})")
    if data.time and params.max_age_days:
        now, most = pd.Timestamp.now(UTC), float(params.max_age_days)
        newest = frame[data.time].max()
        age = (now - (newest if newest.tzinfo else newest.tz_localize(UTC))) / pd.Timedelta(days=1)
        found = f"{newest}{limits(now.tz_localize(None) - pd.Timedelta(days=most), None)}"
        rule = Rule("expect_column_max_to_be_between", data.time, "validate.max_age_days", severity="warning")
        yield Figure(rule, found, np.inf if pd.isna(age) else age, -np.inf, most)


def _bounded(rule: Rule, value: float, low: float | None, high: float | None) -> Figure:
    found = f"{number(value)}{limits(low, high)}"
    return Figure(rule, found, value, -np.inf if low is None else low, np.inf if high is None else high)


def _between(values: pd.Series, rule: Rule, low: float | None, high: float | None) -> Figure:
    inside = values.between(-np.inf if low is None else low, np.inf if high is None else high)
    what = f"not{limits(low, high).strip(' ()')[len('expected') :]}"
    return _share(rule, values.notna() & ~inside, what, values)


def _missing(values: pd.Series, rule: Rule) -> Figure:
    return _share(rule, values.isna(), f"missing (allowed: {rule.allowed:.0%})")


def _share(rule: Rule, wrong: pd.Series, what: str, values: pd.Series | None = None) -> Figure:
    """The share of rows that break a rule, of those that have a value, with the first of them as an example."""
    count, total = int(wrong.sum()), len(wrong)
    share = count / max(1, total if values is None else int(values.notna().sum()))
    found = f"all {counted(total, 'row')}"
    if count:
        row = int(wrong.to_numpy().argmax())
        example = "first" if values is None else f"e.g. {_plain(values.iloc[row])!r}"
        found = f"{count:,} of {counted(total, 'row')} are {what}, {example} at row {row + 1:,}"
    return Figure(rule, found, share, 0.0, rule.allowed)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
