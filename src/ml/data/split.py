"""The split into training and test rows."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ml.data.position import position
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.prepare import Prepare


class Cut(NamedTuple):
    """The cut of a split by time: the oldest test time, and the entities of `data.group` on the test side."""

    since: pd.Timestamp
    entities: frozenset[str] = frozenset()


class Sides(NamedTuple):
    """The masks of training and test rows, both bool of shape (rows,); a row may be on neither side."""

    train: np.ndarray
    test: np.ndarray


def sides(frame: pd.DataFrame, data: Data, params: Prepare, cut: Cut | None = None) -> Sides:
    """The rows of both sides. If `frame` is a part of a table that is split by time, `cut` is that of the table.

    By hash: a row's side depends only on its id, or on its entity if data.group is set, so it never changes as the
    table grows, and every version of the model is tested on rows that no version has trained on.

    By time: the newest rows test. Two kinds of older rows are then on neither side: those of entities that test, and
    those of the last `gap_days` before the first test row.
    """
    if params.split_by == "hash":
        test = position(frame[data.group or data.id], params.salt) < params.test_share
        return Sides(~test, test)
    since, entities = cut or _cut(frame, data, newest(frame[data.time], params.test_share))
    times = frame[data.time]
    train = times < since - pd.Timedelta(days=params.gap_days)
    return Sides(
        (train & ~frame[data.group].isin(entities) if data.group else train).to_numpy(), (times >= since).to_numpy()
    )


def is_test(frame: pd.DataFrame, data: Data, params: Prepare) -> np.ndarray:
    """True for rows of the test side; shape (rows,)."""
    return sides(frame, data, params).test


def must_have_rows(train: int, test: int, data: Data, params: Prepare) -> None:
    """Raise UserError if a side has no row."""
    if params.split_by == "hash" and not (train and test):
        empty, other = ("training", "lower") if test else ("test", "higher")
        raise UserError(
            f"no {empty} row: the hash puts {counted(train + test, 'row')} on the other side at prepare.test_share "
            f"{params.test_share:g}. Set a {other} prepare.test_share, another prepare.salt, or use more rows."
        )
    if not train:
        raise UserError(_no_older(data, params))


def _no_older(data: Data, params: Prepare) -> str:
    """Why a split by time leaves no training row, and what to change."""
    gap, name = f"the {params.gap_days:g} days of prepare.gap_days before the first test row", data.group
    smaller = " A smaller prepare.gap_days leaves more rows." if params.gap_days else ""
    if not name:
        return f"no training row is left: all older rows are in {gap}.{smaller} Or set prepare.split_by: hash."
    return (
        f"no training row is left: prepare.split_by: time tests the newest rows, and every older row has a {name} that "
        f"is also among the newest rows{f', or is in {gap}' if params.gap_days else ''}. To predict later rows "
        f"of the same {name}, remove data.group; to predict rows of a new one, set prepare.split_by: hash.{smaller}"
    )


def _cut(frame: pd.DataFrame, data: Data, test: np.ndarray) -> Cut:
    return Cut(frame[data.time][test].min(), frozenset(frame[data.group][test] if data.group else ()))


def newest(times: pd.Series, share: float) -> np.ndarray:
    """True for the newest rows, as near to this share as their times allow; shape (rows,).

    Rows of one time stay together, and both sides have rows. Raises UserError if all have the same time.
    """
    return (times >= oldest(times.value_counts(), share)).to_numpy()


def oldest(counts: pd.Series, share: float) -> pd.Timestamp:
    """The oldest test time; `counts` has the number of rows of each time."""
    counts = counts.sort_index()
    rows, only = counts.sum(), ", ".join(map(str, counts.index)) or "none"
    if len(counts) < 2:  # noqa: PLR2004
        raise UserError(
            f"prepare.split_by is time, and all {counted(rows, 'row')} have the same ({only}), "
            "so one side of the split would be empty. Set prepare.split_by: hash."
        )
    tested = counts[::-1].cumsum()[:-1] / rows  # the test share with this time as the oldest test time
    return (tested - share).abs().idxmin()


def folds(frame: pd.DataFrame, data: Data, params: Prepare, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The positions of training and held-out rows for each fold of the training rows.

    By hash: the position of an id or an entity decides, so a row never changes its fold. By time: each fold holds out
    the rows directly after its training rows, and rows of one time stay together; few times give fewer folds. Rows of
    one entity stay together, and the gap is kept.
    """
    if params.split_by == "time":
        found = _forward(frame[data.time], count)
        kept = [(rest & sides(frame, data, params, _cut(frame, data, held)).train, held) for rest, held in found]
        return [(np.flatnonzero(rest), np.flatnonzero(held)) for rest, held in kept if rest.any()]
    places = position(frame[data.group or data.id])
    number = (places * 2**32).astype("int64") % count  # digits that do not affect the side
    return [(np.flatnonzero(number != fold), np.flatnonzero(number == fold)) for fold in range(count)]


def _forward(times: pd.Series, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    ordered = times.sort_values().to_numpy()
    ends = pd.unique(ordered[[len(ordered) * part // (count + 1) for part in range(1, count + 1)]])
    value = times.to_numpy()
    bounds = [*zip(ends, [*ends[1:], None], strict=True)]
    found = [(value < start, (value >= start) & (value < end if end is not None else True)) for start, end in bounds]
    return [(rest, held) for rest, held in found if rest.any() and held.any()]
