"""Inputs with a seasonal pattern are compared with the same season, or monitoring reports that it is unknown."""

import numpy as np
import pandas as pd
import pytest

from ml.model import reference
from ml.monitoring import drift
from ml.monitoring.collect import Names, collect
from ml.monitoring.released import Released
from ml.monitoring.season import YEAR, of_season
from ml.prediction_log.records import in_table
from ml.settings.data import Data
from ml.tasks import score_rows

MODEL = "churn@1"
NAMES = Names(frozenset({MODEL}))
UNTIL = pd.Timestamp("2026-07-30", tz="UTC")
COLUMNS = {"warmth": {"type": "number"}, "kind": {"type": "category", "values": ["a", "b"]}}
TARGET = {"name": "bad", "positive": 1}
DATA = Data.model_validate({"file": "t.csv", "id": "id", "time": "day", "target": TARGET, "columns": COLUMNS})


def year(rows, seed=0, year=2025, months=range(1, 13)):
    """Rows of a year with a number that is high in summer, and scores that depend on it."""
    rng = np.random.default_rng(seed)
    month = rng.choice(np.array(months), rows)
    warmth = rng.normal(-np.cos(month / 6 * np.pi), 1)
    frame = pd.DataFrame({"id": [f"{seed}-{n}" for n in range(rows)], "warmth": warmth})
    day = pd.to_datetime([f"{year}-{m:02d}-{d:02d}" for m, d in zip(month, rng.integers(1, 29, rows), strict=True)])
    score = 1 / (1 + np.exp(-warmth + rng.normal(size=rows)))
    return frame.assign(kind=rng.choice(["a", "b"], rows), day=day, score=score)


@pytest.fixture
def settings(params):
    monitor = params.monitor.model_copy(update={"season": True, "min_rows": 200})
    return params.model_copy(update={"data": DATA, "monitor": monitor})


def released(params, train, test):
    label = np.random.default_rng(1).random(len(test)) < test["score"]
    evaluate = params.evaluate.model_copy(update={"bootstrap": 20})
    found = score_rows.intervals(score_rows.rank(label.to_numpy(), test["score"].to_numpy(), 0.5), evaluate)
    return Released("version 1", reference.build(train, test["score"].to_numpy(), found, params, test["day"]))


def log(frame, model=MODEL):
    """The rows in the form of the prediction log."""
    time = frame["day"].dt.tz_localize("UTC") + pd.Timedelta(hours=12)
    table = frame.drop(columns="day").rename(columns={name: in_table(name) for name in COLUMNS})
    table = table.assign(time=time, model=model, variant="champion", simulated=False, actual=None)
    return table.assign(actual_time=pd.to_datetime(time.where(time.isna()), utc=True)).sort_values(
        "time", ignore_index=True
    )


def verdict(release, table, settings):
    window = collect(table[table["time"] > UTC_START], NAMES, DATA, settings.monitor, UNTIL)
    between = lambda since, until: table[(table["time"] >= since) & (table["time"] < until)]  # noqa: E731
    seasonal = of_season(release, window, NAMES, settings, between)
    return drift.judge_collected(seasonal.reference, window, settings).verdict, seasonal.season


UTC_START = UNTIL - pd.Timedelta(days=60)
SUMMER = [6, 7]


def test_summer_is_no_drift_if_the_training_data_has_summers(settings):
    release = released(settings, year(12_000), year(3000, seed=1))
    table = log(year(1000, seed=2, year=2026, months=SUMMER))

    plain = drift.judge_collected(
        release.reference, collect(table, NAMES, DATA, settings.monitor, UNTIL), settings
    ).verdict

    assert plain == "drift"
    assert verdict(release, table, settings) == (
        "stable",
        "Inputs are compared with the training rows of July, and predictions with its test rows.",
    )


def test_a_real_change_is_drift_within_its_season(settings):
    release = released(settings, year(12_000), year(3000, seed=1))
    table = log(year(1000, seed=2, year=2026, months=SUMMER))

    assert verdict(release, table.assign(**{in_table("kind"): "a"}), settings)[0] == "drift"


def test_the_log_of_a_year_ago_replaces_a_season_without_training_rows(settings):
    winters = {"months": [1, 2, 11, 12]}
    release = released(settings, year(4000, **winters), year(1000, seed=1, **winters))
    now, then = (log(year(1000, seed=2 + y, year=2025 + y, months=SUMMER)) for y in (1, 0))

    found, told = verdict(release, pd.concat([then, now], ignore_index=True), settings)

    assert found == "stable"
    assert "rows of a year ago" in told


def test_predictions_of_another_model_a_year_ago_are_not_compared(settings):
    winters = {"months": [1, 2, 11, 12]}
    release = released(settings, year(4000, **winters), year(1000, seed=1, **winters))
    now, then = (log(year(1000, seed=2 + y, year=2025 + y, months=SUMMER)) for y in (1, 0))

    found, told = verdict(release, pd.concat([then.assign(model="churn@0"), now], ignore_index=True), settings)

    assert found == "drift"
    assert "and predictions with all test rows" in told


def test_a_season_without_data_is_reported_as_unknown(settings):
    winters = {"months": [1, 2, 11, 12]}
    release = released(settings, year(4000, **winters), year(1000, seed=1, **winters))

    found, told = verdict(release, log(year(1000, seed=2, year=2026, months=SUMMER)), settings)

    assert found == "drift"
    assert told.startswith("The season is not known: ")
    assert "the log holds 0 of the same days a year ago" in told


def test_months_with_few_rows_are_no_reference(settings):
    few = released(settings, year(3000), year(3000, seed=1)).reference
    once = released(settings, year(2000).assign(day=pd.Timestamp("2025-07-01")), year(500, seed=1)).reference

    assert few.months == once.months == {}
    assert reference.loads(reference.dumps(few), "it") == few
    whole = released(settings, year(12_000), year(3000, seed=1)).reference
    assert reference.loads(reference.dumps(whole), "it") == whole
    assert sorted(map(int, whole.months)) == [*range(1, 13)]


def test_a_year_ago_is_the_same_day_of_the_week():
    assert (UNTIL - YEAR).weekday() == UNTIL.weekday()
