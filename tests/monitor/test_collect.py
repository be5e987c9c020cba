"""The rows of the prediction log that are judged, and the counts of all others."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.io.errors import UserError
from ml.monitoring import collect
from ml.monitoring.collect import Names
from ml.monitoring.log_tables import LogTable
from ml.prediction_log.predictions import read_log
from ml.settings.monitor import Monitor
from ml.settings.params import read_params
from serving.log_writer import PredictionLog
from tests.conftest import SAMPLE

DATA = read_params(SAMPLE).data
NOW = pd.Timestamp("2026-11-21T12:00Z")
YESTERDAY = NOW - pd.Timedelta(days=1)
NAMES = Names(frozenset({"churn@2", "churn@abc"}), frozenset({"churn@1"}))
SETTINGS = Monitor(window_days=10, window_rows=1000)


def prediction(row_id, time=YESTERDAY, model="churn@2", variant="champion", simulated=False):
    """A line of the log with one row."""
    head = {"kind": "prediction", "request_id": f"r{row_id}", "time": pd.Timestamp(time).isoformat()}
    head |= {"model": model, "variant": variant} | ({"simulated": True} if simulated else {})
    return head | {"rows": [{"id": row_id, "features": {"tenure_months": 3}, "score": 0.7, "label": True}]}


def label(row_id, value, time):
    return {"kind": "feedback", "id": row_id, "label": value, "time": pd.Timestamp(time).isoformat()}


@pytest.fixture
def write(tmp_path):
    """Write records as one closed segment; returns the table that is read."""

    def write(*records):
        log = PredictionLog(tmp_path / "logs")
        for record in records:
            log.append(json.dumps(record).encode())
        log.close()
        return LogTable([tmp_path / "logs"], DATA).recent(NOW, SETTINGS)

    return write


def collected(table, params, settings=SETTINGS):
    return collect.collect(table, NAMES, params.data, settings, NOW)


def fates(found):
    return {name: count for name, count in found.fates.items() if count}


def test_each_kind_of_row_that_is_not_judged_is_counted_by_its_reason(write, params):
    table = write(
        prediction("good"),
        prediction("by digest", model="churn@abc"),
        prediction("future", time=NOW + pd.Timedelta(minutes=6)),
        prediction("clock a little ahead", time=NOW + pd.Timedelta(minutes=4)),
        prediction("old", time=NOW - pd.Timedelta(days=11)),
        prediction("shadow", variant="shadow", model="churn@1"),
        prediction("stranger", model="risk@9"),
        prediction("last version", model="churn@1"),
        prediction("twice"),
        prediction("twice", time=NOW),
        prediction("play", simulated=True),
    )

    found = collected(table, params)

    assert fates(found) == {
        "simulated": 1,
        "future": 1,
        "older": 1,
        "shadow": 1,
        "unknown": 1,
        "other": 1,
        "repeated": 1,
        "judged": 4,
    }
    assert found.strangers == {"risk@9": 1, "churn@1": 1}
    assert sorted(found.rows["id"]) == ["by digest", "clock a little ahead", "good", "twice"]
    assert found.newest == NOW + pd.Timedelta(minutes=4)


def test_the_newest_prediction_of_an_id_counts(write, params):
    found = collected(write(prediction("a"), prediction("a", time=NOW)), params)

    assert found.rows["time"].tolist() == [NOW]


def test_a_full_window_keeps_the_newest_rows(write, params):
    table = write(*(prediction(str(n), time=NOW - pd.Timedelta(hours=n)) for n in range(5)))

    found = collected(table, params, Monitor(window_days=10, window_rows=2))

    assert fates(found) == {"surplus": 3, "judged": 2}
    assert found.rows["id"].tolist() == ["1", "0"]


def test_late_labels_are_joined_to_their_predictions_with_their_lag(write, params):
    day = pd.Timedelta(days=1)
    found = collected(
        write(
            *(prediction(name, time=NOW - 4 * day) for name in ("yes", "no", "early", "ahead", "none", "kind")),
            label("yes", True, NOW - 1 * day),
            label("no", False, NOW - 2 * day),
            label("early", True, NOW - 5 * day),
            label("ahead", True, NOW + 1 * day),
            label("nobody", True, NOW),
            label("kind", 1, NOW),
        ),
        params,
    )

    rows = found.rows.set_index("id")
    assert rows["label"].dropna().to_dict() == {"yes": 1.0, "no": 0.0}
    assert rows["lag_days"].dropna().to_dict() == {"yes": 3.0, "no": 2.0}
    assert found.labels == {"early": 1, "future": 1, "strange": 1, "unmatched": 1}


def test_a_third_value_is_no_label_and_true_is_the_positive_one(write, params):
    target = params.data.target.model_copy(update={"positive": "default"})
    words = ["default", "paid", "paid", "Default", "true"]
    table = write(
        *(prediction(str(n), time=NOW - pd.Timedelta(days=4)) for n in range(len(words))),
        *(label(str(n), word, NOW - pd.Timedelta(days=1)) for n, word in enumerate(words)),
    )

    found = collected(table, params.model_copy(update={"data": params.data.model_copy(update={"target": target})}))

    assert found.rows.set_index("id")["label"].dropna().to_dict() == {"0": 1.0, "1": 0.0, "2": 0.0, "4": 1.0}
    assert found.labels["strange"] == 1


def test_a_simulation_without_real_rows_is_judged_at_the_end_of_its_own_calendar(write, params):
    found = collected(
        write(
            prediction("june", time="2031-06-01T00:00Z", simulated=True),
            prediction("july", time="2031-07-01T00:00Z", simulated=True),
            label("july", True, "2031-07-08T00:00Z"),
        ),
        params,
    )

    assert found.simulated
    assert (found.until, fates(found)) == (pd.Timestamp("2031-07-08T00:00Z"), {"older": 1, "judged": 1})


def test_earlier_windows_contain_the_predictions_of_known_models(write, params):
    old = NOW - pd.Timedelta(days=15)
    found = collected(
        write(prediction("a", time=old, model="churn@1"), prediction("b", time=old, model="x"), prediction("c")), params
    )

    assert [span.rows["id"].tolist() for span in found.before] == [[], [], [], [], ["a"], ["c"]]
    assert (found.before[-1].since, found.before[-1].until) == (found.since, found.until)


@pytest.mark.slow
def test_performance_is_the_champions_in_the_newest_window_with_enough_labels_of_both_classes(write, params):
    def month(name, days_ago, model="churn@2", classes=2):
        time = NOW - pd.Timedelta(days=days_ago)
        for n in range(40):
            yield prediction(f"{name}{n}", time=time, model=model)
            yield label(f"{name}{n}", n % classes == 0, time + pd.Timedelta(days=1))

    table = write(
        *month("old", 35),
        *month("settled", 25),
        *month("last version", 25, model="churn@1"),
        *month("one class", 15, classes=1),
        *month("canary", 15, model="churn@1"),
        prediction("new"),
    )
    few = SETTINGS.model_copy(update={"min_labels": 40})

    late, never = (collected(table, params, rule).settled for rule in (few, SETTINGS))

    assert (late.since, late.until) == (NOW - pd.Timedelta(days=30), NOW - pd.Timedelta(days=20))
    assert set(late.rows["id"]) == {f"settled{n}" for n in range(40)}
    assert (never.until, never.rows["id"].tolist()) == (NOW, ["new"])


def test_an_empty_log_is_an_empty_window(write, params):
    found = collected(write(), params)

    assert (len(found.rows), found.newest, found.simulated, fates(found)) == (0, None, False, {})


moments = st.integers(-20 * 24, 24).map(lambda hours: NOW + pd.Timedelta(hours=hours))
lines = st.builds(
    prediction,
    st.sampled_from("abcdef"),
    moments,
    st.sampled_from(["churn@2", "churn@1", "risk@9"]),
    st.sampled_from(["champion", "shadow"]),
    st.booleans(),
)


@pytest.mark.slow
@given(st.lists(lines, max_size=12), st.integers(1, 5))
def test_every_row_is_judged_or_counted_exactly_once(tmp_path_factory, params, records, most):
    folder = tmp_path_factory.mktemp("logs")
    log = PredictionLog(folder)
    for number, record in enumerate(records):
        log.append(json.dumps(record | {"request_id": str(number)}).encode())
    log.close()
    table = read_log(folder)

    found = collected(table, params, Monitor(window_days=10, window_rows=most))

    assert sum(found.fates.values()) == len(table) == len(records)
    assert len(found.rows) == found.fates["judged"] <= most
    assert found.rows["id"].is_unique


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "*.csv"])
def test_tables_of_other_systems_are_read_in_the_same_way(write, params, tmp_path, name):
    table = write(prediction("7"), prediction("b"), label("7", True, NOW))
    table.to_parquet(tmp_path / "rows.parquet")
    table.to_csv(tmp_path / "rows.csv", index=False)

    found = collected(LogTable([tmp_path / name], DATA).recent(NOW, SETTINGS), params)

    assert fates(found) == {"judged": 2}
    assert found.rows.set_index("id")["label"].dropna().to_dict() == {"7": 1.0}


def test_a_table_needs_at_least_id_time_score_and_the_features(params, tmp_path):
    (tmp_path / "rows.csv").write_text("id,time,score,tenure_months,house\n1,2026-11-21T00:00Z,0.3,5,h\n")

    found = collected(LogTable([tmp_path / "rows.csv"], DATA).recent(NOW, SETTINGS), params)

    columns = ["id", "score", "features.tenure_months", "house"]  # the last for monitor.cluster
    assert found.rows[columns].to_numpy().tolist() == [["1", 0.3, 5, "h"]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,score\n1,0.3\n", "column time is missing"),
        ("id,time,score\n1,3/4/26,0.3\n", "1 of 1 row are not ISO 8601: '3/4/26' may be"),
        (None, "names no file|cannot be read"),
    ],
)
def test_an_unusable_table_gives_a_reason(params, tmp_path, text, says):
    if text:
        (tmp_path / "rows.csv").write_text(text)

    with pytest.raises(UserError, match=says):
        LogTable([tmp_path / "rows.csv"], DATA).recent(NOW, SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize("slow", [True, False])
def test_labels_of_rows_too_young_for_the_slower_class_are_not_looked_at(write, params, slow):
    """Positives have labels at once and negatives after 8 days, or the reverse."""
    day, lines = pd.Timedelta(days=1), []
    for n in range(300):
        time, kind = NOW - n * day / 10, n % 2 == 0
        lines.append(prediction(str(n), time=time))
        came = time + (8 * day if kind == slow else 0 * day)
        lines += [label(str(n), kind, came)] if came <= NOW else []
    settings = SETTINGS.model_copy(update={"min_labels": 40})
    table = write(*lines)

    found, forced = (
        collected(table, params, rule) for rule in (settings, settings.model_copy(update={"label_days": 0}))
    )

    assert (found.label_days, found.waiting) == (8, 80)
    assert found.settled.rows["label"].notna().all()  # an older window, whose labels have all come
    assert abs(found.settled.rows["label"].mean() - 0.5) < 0.02
    assert forced.waiting == 0
    assert abs(forced.rows["label"].mean() - 0.5) > 0.2


def test_a_feature_named_like_a_column_of_ours_keeps_its_values(params):
    names = ["lag_days", "young"]
    number = params.data.columns["tenure_months"]
    data = params.data.model_copy(update={"columns": dict.fromkeys(names, number)})
    table = pd.DataFrame({"id": ["a"], "time": [NOW], "score": [0.3]})
    table = table.assign(**{"features.lag_days": 7.0, "features.young": 3.0})
    table = table.assign(model="churn@2", variant="champion", simulated=False, actual=None)
    table = table.assign(actual_time=pd.to_datetime([None], utc=True))

    rows = collect.collect(table, NAMES, data, SETTINGS, NOW).rows

    assert [rows[f"features.{name}"].item() for name in names] == [7.0, 3.0]
