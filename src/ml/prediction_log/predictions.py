"""The prediction log as one table, read from segments, compacted days and shipped targets."""

from pathlib import Path
from typing import Any

import pandas as pd

from ml.data import times
from ml.io import cli
from ml.io.errors import UserError
from ml.prediction_log import log_parts, resent
from ml.prediction_log.line_tables import FEEDBACK, FIRST, KEY, LAST, once
from ml.prediction_log.records import PREFIX


def read_log(*sources: str | Path, since: Any = None, until: Any = None) -> pd.DataFrame:
    """One row for each predicted row of all sources, without duplicates, oldest first.

    Columns: segment, line and row (the key), request_id, id, time, model, variant, simulated, canary_share (missing
    without a canary), the features as `features.<name>`, score, label, then `actual` (the latest label of this id from
    feedback), `actual_time` and `actuals` (the number of its labels). A source is a directory or a URL; predictions are
    taken from `since` to before `until` (ISO dates, UTC), feedback always. A request that a proxy sent again counts
    once (ml.prediction_log.resent). In `attrs`, `repeated` counts the rows left out for this, `unreadable` the lines
    that are not records, and `unmatched` the ids that got a label after `since` but have no prediction; `damaged` names
    files that are left out because they cannot be read. Raises UserError when a source cannot be read.
    """
    wanted = period(since, until)
    start, end = wanted.since, wanted.until
    read = [*log_parts.read(sources, wanted)]
    feedback = once([part.feedback for part in read], FEEDBACK)
    unreadable, damaged = sum(part.unreadable for part in read), [part.damaged for part in read if part.damaged]
    found = once([part.predictions for part in read], FIRST + LAST)
    del read  # a long log must not be in memory twice
    asked, found = len(found), resent.once(found)
    repeated = asked - len(found)
    came = feedback if start is None else feedback[feedback["time"] >= start]
    unmatched = came["id"][~came["id"].isin(found["id"])].nunique()
    if start is not None:
        found = found[found["time"] >= start]
    if end is not None:
        found = found[found["time"] < end]
    table = joined(found, feedback)
    table.attrs |= {"unmatched": unmatched, "repeated": repeated}
    return tell(table, unreadable, damaged)


def tell(table: pd.DataFrame, unreadable: int, damaged: list[str]) -> pd.DataFrame:
    """The table with these counts in its `attrs`; prints why files are left out."""
    table.attrs |= {"unreadable": unreadable, "damaged": damaged}
    for why in damaged:
        cli.say(f"log: {why}")
    return table


def joined(predictions: pd.DataFrame, feedback: pd.DataFrame) -> pd.DataFrame:
    """Predicted rows, each with the latest label of its id and how many labels that id has."""
    newest = feedback.sort_values(["time", *KEY]).drop_duplicates("id", keep="last")
    newest = newest.rename(columns={"label": "actual", "time": "actual_time"})[["id", "actual", "actual_time"]]
    newest = newest.assign(actuals=newest["id"].map(feedback["id"].value_counts()))
    features = [name for name in predictions if name.startswith(PREFIX)]
    table = predictions.reindex(columns=[*FIRST, *features, *LAST]).merge(newest, on="id", how="left")
    table = table.assign(actuals=table["actuals"].fillna(0).astype("int64"), simulated=table["simulated"].eq(True))
    return table.sort_values(["time", *KEY], ignore_index=True)


def real(table: pd.DataFrame) -> pd.DataFrame:
    """The real rows; where there are none, the simulated ones."""
    return table if table["simulated"].all() else table[~table["simulated"]]


def early(table: pd.DataFrame) -> pd.Series:
    """Whether each label is older than its prediction: then it belongs to an earlier prediction of the id."""
    return table["actual"].notna() & (table["actual_time"] < table["time"])


def by_day(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each UTC day."""
    return {str(day): part.reset_index(drop=True) for day, part in frame.groupby(frame["time"].dt.strftime("%Y-%m-%d"))}


def period(since: Any, until: Any) -> log_parts.Wanted:
    """The predictions between two dates; raises UserError for what is not a date."""
    return log_parts.Wanted(moment(since, "since"), moment(until, "until"))


def moment(value: Any, name: str) -> pd.Timestamp | None:
    """A time in UTC, None if none is given; raises UserError for what is not a date."""
    if value in (None, ""):
        return None
    moment = value if isinstance(value, pd.Timestamp) else times.utc(pd.Series([str(value)]))[0]
    if pd.isna(moment):
        raise UserError(f"{name}: {value!r} is not a date. Write it like 2026-01-31 or 2026-01-31T12:00Z.")
    return moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")
