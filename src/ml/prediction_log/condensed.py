"""A long prediction log in bounded memory: without features, and of MOST rows at most.

Monitoring needs the features only of the rows that it compares, which it reads afterwards by their keys (`completed`).
If the log has more than MOST predictions or labels, the ids whose hash lies below 1/2, 1/4 and so on represent all ids.
"""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from ml.prediction_log import log_parts, resent
from ml.prediction_log.line_tables import FEEDBACK, FIRST, KEY, LAST, Tables, once
from ml.prediction_log.log_parts import Wanted
from ml.prediction_log.predictions import joined, tell

MOST = 1_000_000  # predictions, and labels
REPEATED = ("segment", "model", "variant")  # columns of few words


def read_condensed(sources: Iterable[str | Path], wanted: Wanted, kept: Collection[str] = ()) -> pd.DataFrame:
    """As ml.prediction_log.predictions.read_log returns it, without columns of features except those `kept`.

    In `attrs`, `share` is the share of the ids that are read. Columns of few words are categories.
    """
    places = [*sources]
    log = _Condensed(wanted, kept)
    for part in log_parts.read(places, wanted):
        log.add(part)
    asked = _merged(log.predictions, FIRST + LAST)
    found = _last_attempts(asked, places)
    since, until = wanted.since, wanted.until
    inside = found["time"].notna() if until is None else found["time"] < until
    feedback = _merged(log.feedback, FEEDBACK)
    came = feedback if since is None else feedback[feedback["time"] >= since]
    table = joined(found[inside], feedback)
    alone = came[~came["id"].isin(found["id"])]
    strange = ~np.isin(_hashes(alone), np.concatenate([np.empty(0, "uint64"), *log.others]))
    table.attrs |= {"unmatched": alone["id"][strange].nunique(), "share": log.share}
    table.attrs["repeated"] = len(asked) - len(found)
    return tell(table, log.unreadable, log.damaged)


def completed(rows: pd.DataFrame, sources: Iterable[str | Path]) -> pd.DataFrame:
    """Rows of a condensed log with all columns of features; rows that have been deleted meanwhile are left out."""
    wanted = Wanted(segments=frozenset(rows["segment"].unique()))
    keys = rows[KEY].astype({"segment": "str"})
    found = [part.predictions.merge(keys, on=KEY) for part in log_parts.read(sources, wanted)]
    whole = once(found, FIRST + LAST)
    features = [name for name in whole if name not in {*FIRST, *LAST} and name not in rows]
    whole["segment"] = pd.Categorical(whole["segment"], rows["segment"].cat.categories)
    return rows.merge(whole[[*KEY, *features]], on=KEY)


def represented(share: float) -> str:
    """A sentence on the share of the ids that was read; "" if it is all."""
    if share == 1:
        return ""
    return (
        f"The period has more than {MOST:,} predictions or labels in the log. A random 1/{1 / share:.0f} of the ids "
        "represents them, and all counts are of these ids."
    )


class _Condensed:
    """The rows of parts that are added one after the other."""

    def __init__(self, wanted: Wanted, kept: Collection[str]) -> None:
        self._wanted, self._names = wanted, [*FIRST, *kept, *LAST]
        self.predictions: list[pd.DataFrame] = []
        self.feedback: list[pd.DataFrame] = []
        self.others: list[np.ndarray] = []  # hashes of the ids of rows outside of the period
        self.damaged: list[str] = []
        self.share, self.unreadable = 1.0, 0

    def add(self, part: Tables) -> None:
        """Take over what is needed of a part."""
        self.unreadable += part.unreadable
        self.damaged += [part.damaged] if part.damaged else []
        found, feedback = (self._sampled(frame) for frame in (part.predictions, part.feedback))
        inside = self._inside(found["time"])
        if len(outside := found[~inside]):
            self.others = [np.unique(np.concatenate([*self.others, _hashes(outside)]))]
        if inside.any():
            self.predictions.append(_compact(found.loc[inside, [name for name in self._names if name in found]]))
        if len(feedback):
            self.feedback.append(_compact(feedback))
        while max(sum(map(len, frames)) for frames in (self.predictions, self.feedback)) > MOST:
            self.share /= 2
            self.predictions, self.feedback = (
                [self._sampled(frame) for frame in frames] for frames in (self.predictions, self.feedback)
            )

    def _inside(self, times: pd.Series) -> pd.Series:
        """The rows of the period, and those after it that may be a repeated request of its last row."""
        since, until = self._wanted.since, self._wanted.until
        inside = times.notna() if since is None else times >= since
        return inside if until is None else inside & (times < until + resent.WITHIN)

    def _sampled(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame if self.share == 1 else frame[_hashes(frame) / 2.0**64 < self.share]


def _hashes(frame: pd.DataFrame) -> np.ndarray:
    """A number of 64 bits for each row, equal for equal ids; rows without an id have separate ones."""
    found, absent = pd.util.hash_pandas_object(frame["id"], index=False, categorize=False), frame["id"].isna()
    if absent.any():
        found = found.mask(absent, pd.util.hash_pandas_object(frame[KEY].astype("str"), index=False))
    return found.to_numpy()


def _compact(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({name: "category" for name in REPEATED if name in frame})


def _merged(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """All parts as one table, each key once."""
    if not frames:
        return _compact(once([], columns))
    for name in REPEATED:
        if name in frames[0]:
            every = union_categoricals([frame[name] for frame in frames], sort_categories=True).categories
            for frame in frames:
                frame[name] = frame[name].cat.set_categories(every)
    return once(frames, columns)


def _last_attempts(found: pd.DataFrame, sources: list[Any]) -> pd.DataFrame:
    """The rows without repeated requests, which are recognised by their features."""
    doubtful = resent.doubtful(found)
    if doubtful.empty:
        return found
    whole = completed(doubtful, sources)
    kept = _keys(resent.once(whole))
    return found[~_keys(found).isin(_keys(whole).difference(kept))].reset_index(drop=True)


def _keys(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(table[KEY].astype({"segment": "str"}))
