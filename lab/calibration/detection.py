"""The delay of detection of a change in the sample data, with a daily verdict on the last 30 days."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from lab.calibration.pools import BOOTSTRAP
from ml.data import schema
from ml.model import model, reference
from ml.model.reference import Reference
from ml.monitoring.collect import Names, collect
from ml.monitoring.drift import judge_collected
from ml.prediction_log.records import in_table
from ml.settings.params import Params
from ml.tasks import score_rows, two_words
from tests.world import sample as world

MONTH, HORIZON = 30, 120
CHANGE = pd.Timestamp("2026-01-01", tz="UTC")
CHAMPION = Names(frozenset({"champion"}))
QUIET = 13
CHANGES = {
    "none": QUIET,
    "prices and ads rise": 15,
    "contracts and discounts lose their effect": 18,
    "satisfaction is often missing": 21,
    "a new device": 24,
}


@dataclass(frozen=True)
class Release:
    """A model of the month before a change, with its reference."""

    model: Pipeline
    reference: Reference


@dataclass(frozen=True)
class Watched:
    """The first flagged day, counted from the change, and its verdict; None and "" without one."""

    day: int | None
    verdict: str


def watch(release: Release, month: int, rows: int, seed: int, params: Params) -> Watched:
    """One feed of so many customers a month around the month of a change, monitored until it is flagged.

    Labels arrive 30 days after the prediction; monitoring does not see later ones.
    """
    log = _log(release, _feed(month, rows, seed, params), params)
    for day in range(1, HORIZON + 1):
        window = collect(log, CHAMPION, params.data, params.monitor, CHANGE + pd.Timedelta(days=day))
        verdict = judge_collected(release.reference, window, params).verdict
        if verdict in {"drift", "degraded"}:
            return Watched(day, verdict)
    return Watched(None, "")


def released(month: int, params: Params) -> Release:
    """The model and reference of 12,000 customers of the month before."""
    train, test = (
        schema.conform(world.customers(month - 1, n, seed=900 + i), params.data) for i, n in enumerate((9600, 2400))
    )
    fitted = model.fit(train, params.data, params.train)
    score, label = model.scores(fitted, test, params.data), two_words.labels(test, params.data).to_numpy()
    evaluate = params.evaluate.model_copy(update={"bootstrap": BOOTSTRAP})
    found = score_rows.intervals(score_rows.rank(label, score, evaluate.threshold), evaluate)
    return Release(fitted, reference.build(train, score, found, params))


def _feed(month: int, rows: int, seed: int, params: Params) -> pd.DataFrame:
    """Customers of two months before and four after the change, with the `day` each asks for a prediction.

    The third month is repeated, because the next change would follow.
    """
    before, after = [month - 1] * 2, [month + min(i, 2) for i in range(HORIZON // MONTH)]
    months = before + ([month - 1] * len(after) if month == QUIET else after)
    parts = [
        schema.conform(world.customers(m, rows, seed=1000 * (seed + 1) + i), params.data) for i, m in enumerate(months)
    ]
    days = [MONTH * (i - 2) + MONTH * (np.arange(rows) + 0.5) / rows for i in range(len(months))]
    return pd.concat(parts, ignore_index=True).assign(day=np.concatenate(days))


def _log(release: Release, feed: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The complete feed in the form of the prediction log."""
    time = (CHANGE + pd.to_timedelta(feed["day"], unit="D")).dt.as_unit("us")
    return feed.rename(columns={name: in_table(name) for name in params.data.columns}).assign(
        id=[str(number) for number in range(len(feed))],
        time=time,
        model="champion",
        variant="champion",
        simulated=False,
        score=model.scores(release.model, feed, params.data),
        actual=feed[params.data.target.name],
        actual_time=time + pd.Timedelta(days=MONTH),
    )
