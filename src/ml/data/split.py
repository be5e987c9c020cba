"""Which rows train and which test."""

import numpy as np
import pandas as pd

from ml.data.position import position
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.prepare import Prepare


def is_test(frame: pd.DataFrame, data: Data, params: Prepare, since: pd.Timestamp | None = None) -> np.ndarray:
    """True for rows of the test side; shape (rows,). Where `frame` is a part of a table, `since` is its oldest time.

    By hash: a row's side depends on its id alone, so it never changes as the table grows, and every version of the
    model is tested on rows that no version has trained on. By time: the newest rows test.
    """
    if params.split_by == "time":
        return newest(frame[data.time], params.test_share) if since is None else (frame[data.time] >= since).to_numpy()
    return position(frame[data.id], params.salt) < params.test_share


def newest(times: pd.Series, share: float) -> np.ndarray:
    """True for the newest rows, as near to this share as their times allow; shape (rows,).

    Rows of one time stay together, and both sides have rows. Raises UserError where all have the same time.
    """
    return (times >= oldest(times.value_counts(), share)).to_numpy()


def oldest(counts: pd.Series, share: float) -> pd.Timestamp:
    """The oldest time that tests; `counts` says how many rows each time has."""
    counts = counts.sort_index()
    rows, only = counts.sum(), ", ".join(map(str, counts.index)) or "none"
    if len(counts) < 2:  # noqa: PLR2004
        raise UserError(
            f"prepare.split_by is time, and all {counted(rows, 'row')} have the same ({only}), so either no row "
            f"would train or none would test. Set prepare.split_by: hash."
        )
    tested = counts[::-1].cumsum()[:-1] / rows  # what share tests when this time is the oldest that does
    return (tested - share).abs().idxmin()


def folds(frame: pd.DataFrame, data: Data, params: Prepare, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows that train and rows that are held out, as positions, for each fold of the training rows.

    By hash: an id's position decides, so a row never changes its fold. By time: each fold holds out what came next
    after the rows that train it, and rows of one time stay together; there are fewer folds where there are few times.
    """
    if params.split_by == "time":
        return _forward(frame[data.time], count)
    number = (position(frame[data.id]) * 2**32).astype("int64") % count  # of digits that the side does not depend on
    return [(np.flatnonzero(number != fold), np.flatnonzero(number == fold)) for fold in range(count)]


def _forward(times: pd.Series, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    ordered = times.sort_values().to_numpy()
    ends = pd.unique(ordered[[len(ordered) * part // (count + 1) for part in range(1, count + 1)]])
    value = times.to_numpy()
    bounds = [*zip(ends, [*ends[1:], None], strict=True)]
    found = [(value < start, (value >= start) & (value < end if end is not None else True)) for start, end in bounds]
    return [(np.flatnonzero(rest), np.flatnonzero(held)) for rest, held in found if rest.any() and held.any()]
