"""Verdicts on windows of the sample world with known changes."""

import re

import numpy as np
import pandas as pd
import pytest

from ml.data import schema
from ml.github.alerts import of_monitoring
from ml.model import reference
from ml.monitoring.drift import judge, margin
from ml.monitoring.monitor_record import MonitorRecord
from ml.prediction_log.records import in_table
from ml.settings.evaluate import Evaluate
from ml.settings.monitor import Monitor
from ml.tasks import two_words
from ml.tasks.score_rows import intervals, rank
from tests.world import sample as world

SETTINGS = Monitor()


def predicted(frame, data):
    """Rows in the form of monitoring; the true probabilities serve as scores."""
    found = frame.assign(score=world.probability(frame), label=two_words.labels(frame, data).astype("float64"))
    return found.rename(columns={name: in_table(name) for name in data.columns})


@pytest.fixture(scope="module")
def released(params):
    train, test = (schema.conform(world.history(rows=400, seed=seed), params.data) for seed in (1, 2))
    label, score = two_words.labels(test, params.data).to_numpy(), world.probability(test)
    found = intervals(rank(label, score, 0.5), Evaluate(bootstrap=200))
    return reference.build(train, score, found, params)


@pytest.fixture(scope="module")
def quiet(params):
    return predicted(world.customers(13, 1500, seed=3), params.data)


def drifted(found):
    return {c.column for c in found.columns if c.drifted}


def test_a_quiet_window_is_stable_and_reports_the_performance(released, quiet):
    found = judge(released, quiet, SETTINGS, 0.005)

    assert found.verdict == "stable"
    assert found.reason.startswith("1,500 predictions: no column shifted. Labels: roc_auc 0.9")
    assert found.performance.outcome == "as at release"
    assert found.performance.low < found.performance.value < found.performance.high
    assert len(found.columns) == 14


def test_a_few_rows_are_not_judged(released, quiet):
    found = judge(released, quiet.head(499), SETTINGS)

    assert found.verdict == "not enough data"
    assert "499 predictions in the window, fewer than monitor.min_rows 500" in found.reason
    assert not found.columns


@pytest.mark.parametrize(
    ("column", "change", "said"),
    [
        ("monthly_charge", lambda c: c * 1.3, "median 24.* → 32.*KS distance 0.2"),
        ("support_tickets", lambda c: c + 1, "median 1 → 2"),
        ("channel", lambda c: c.where(np.arange(len(c)) % 4 > 0, "ads"), "ads 24.*% → 4.*total variation 0.1"),
        (
            "device",
            lambda c: c.where(np.arange(len(c)) % 12 > 0, "watch"),
            "an untrained level in 8.*% of rows: watch",
        ),
        (
            "device",
            lambda c: c.where(c != "tv", np.resize(["web", "ios", "android"], len(c))),
            "levels with 9.* of training rows have disappeared: tv",
        ),
        ("satisfaction", lambda c: c.where(np.arange(len(c)) % 4 > 0), "missing in 3.*% of rows, 1.*% in training"),
    ],
)
def test_a_shifted_column_is_named_with_its_shift(released, quiet, column, change, said):
    found = judge(released, quiet.assign(**{in_table(column): change(quiet[in_table(column)])}), SETTINGS)

    one = next(c for c in found.columns if c.column == column)
    assert drifted(found) == {column}
    assert re.search(said, one.reason)
    assert f"1 of 14 columns shifted ({column}: " in found.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("usage_hours", lambda c: c * 1.05),  # certain in a large window, and too small to matter
        ("satisfaction", lambda c: c.where(np.arange(len(c)) % 30 > 0)),
        ("device", lambda c: c.where(np.arange(len(c)) % 30 > 0, "watch")),
    ],
)
def test_a_change_too_small_to_matter_leaves_a_large_window_stable(released, quiet, column, change):
    many = pd.concat([quiet] * 20, ignore_index=True).drop(columns="label")

    found = judge(released, many.assign(**{in_table(column): change(many[in_table(column)])}), SETTINGS)

    one = next(c for c in found.columns if c.column == column)
    assert found.verdict == "stable"
    assert one.new_levels == ({"watch": 1000} if column == "device" else {})


def test_a_distance_explained_by_chance_leaves_a_small_window_stable(released, quiet):
    loose = Monitor(min_rows=1, effect=0.01)

    found = judge(released, quiet.head(60).drop(columns="label"), loose)

    assert max(c.effect for c in found.columns) > 0.05
    assert found.verdict == "stable"


def test_shifted_predictions_are_drift_too(released, quiet):
    found = judge(released, quiet.drop(columns="label").assign(score=quiet["score"] ** 2), SETTINGS)

    assert found.verdict == "drift"
    assert found.prediction.drifted
    assert "0 of 14 columns and the predictions shifted (prediction: median" in found.reason
    assert found.reason.endswith("Labels: none yet.")


def test_an_absent_feature_is_missing_in_every_row(released, quiet):
    found = judge(released, quiet.drop(columns=in_table("region")), SETTINGS)

    assert drifted(found) == {"region"}
    assert "missing in 100.0% of rows, 0.0% in training" in found.reason


def test_a_column_of_the_log_is_never_read_as_a_feature_with_its_name(released, quiet):
    assert judge(released, quiet.assign(region="nonsense"), SETTINGS).verdict == "stable"


def test_a_worse_model_is_degraded_for_any_inputs(released, params):
    window = predicted(world.customers(13, 1500, seed=3), params.data)
    flipped = window["label"].where(np.arange(len(window)) % 5 > 0, 1 - window["label"])

    found = judge(released, window.assign(label=flipped, lag_days=30.0), SETTINGS, 0.005)

    assert found.verdict == "degraded"
    assert found.performance.change_high < -0.005
    assert found.performance.lag_days == 30
    assert f"is worse: {released.metrics['roc_auc']['value']:.3f} at release" in found.reason
    record = MonitorRecord(verdict=found.verdict, reason=found.reason)
    assert of_monitoring(record, None)["degraded"].text.startswith("1,500 predictions")


@pytest.mark.slow
def test_lower_by_less_than_the_margin_is_not_degraded(released, params):
    window = predicted(world.customers(13, 1500, seed=3), params.data)
    flipped = window["label"].where(np.arange(len(window)) % 10 > 0, 1 - window["label"])

    ranks = Monitor(calibration={"bias": None, "slope": None})
    strict, lenient = (judge(released, window.assign(label=flipped), ranks, m) for m in (0.0, 0.2))

    assert (strict.verdict, lenient.verdict) == ("degraded", "stable")
    assert lenient.performance.outcome == "lower, possibly within the margin"


def test_a_metric_that_should_be_low_is_worse_when_it_rises(released, quiet):
    settings = Monitor(metric="brier")

    found = judge(released, quiet.assign(label=1 - quiet["label"]), settings)

    assert found.verdict == "degraded"
    assert found.performance.change < 0 < found.performance.value - found.performance.at_release


def test_few_labels_are_counted_and_not_judged(released, quiet):
    some = quiet.assign(label=quiet["label"].where(np.arange(len(quiet)) < 150))

    found = judge(released, some, SETTINGS)

    assert found.verdict == "stable"
    assert found.performance.outcome == "not enough labels"
    assert found.performance.coverage == pytest.approx(0.1)
    assert "150 of 1,500 rows have a label (10%)" in found.reason


def test_a_release_tested_on_few_rows_gives_no_verdict_on_performance(released, quiet):
    found = judge(released.model_copy(update={"tested": 150}), quiet.assign(label=1 - quiet["label"]), SETTINGS)

    assert found.verdict == "stable"
    assert "the release was tested on 150: fewer than 200" in found.reason


def test_too_few_labels_of_one_class_are_reported(released, quiet):
    label = np.zeros(len(quiet))
    label[:7] = 1

    found = judge(released, quiet.assign(label=label), SETTINGS)

    assert f"7 positive and {len(quiet) - 7:,} negative rows, under 20 of a class" in found.reason
    assert "fewer than" not in found.reason


def test_a_rare_new_level_is_found_in_a_window_too_small_for_the_chi_square_test(released, quiet):
    few = quiet.head(100).drop(columns="label")
    few = few.assign(**{in_table("device"): few[in_table("device")].where(np.arange(100) % 10 > 0, "watch")})

    found = judge(released, few, Monitor(min_rows=100))

    assert drifted(found) == {"device"}
    assert next(c for c in found.columns if c.column == "device").test == "Fisher"


def test_labels_of_one_class_are_not_judged(released, quiet):
    found = judge(released, quiet.assign(label=0.0), SETTINGS)

    assert found.performance.outcome == "not enough labels"


def test_labels_that_take_longer_than_the_window_belong_to_older_rows(released, quiet):
    older = quiet[["score"]].assign(label=1 - quiet["label"], lag_days=40.0)

    found = judge(released, quiet.drop(columns="label"), SETTINGS, 0.0, older)

    assert found.verdict == "degraded"
    assert found.performance.lag_days == 40


def test_the_gates_margin_applies_to_the_same_metric(params):
    other = params.model_copy(update={"monitor": Monitor(metric="brier")})
    off = params.model_copy(update={"gates": params.gates.model_copy(update={"champion": None})})

    assert margin(params) == params.gates.champion.margin
    assert margin(other) == margin(off) == 0
