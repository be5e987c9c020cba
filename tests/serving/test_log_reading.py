"""One table from open, closed and compacted segments."""

import json

import pandas as pd
import pytest

from ml.io import tables
from ml.io.errors import UserError
from ml.prediction_log import condensed, line_tables, log_parts, segments
from ml.prediction_log.predictions import read_log
from ml.prediction_log.targets import numbered
from ml.settings.log import Log
from ml.stages import compact, logs
from serving.log_writer import PredictionLog
from tests.conftest import SAMPLE

SEGMENT = "20261120T100000-1-a-000001"
FEATURES = ["features.tenure", "features.plan"]


def predicted(request_id, time="2026-11-20T10:00:00Z", **row):
    answer = {"id": row.pop("id", request_id), "score": row.pop("score", 0.7), "label": row.pop("label", True)}
    row = answer | {"features": {"tenure": 3, "plan": "basic"} | row}
    record = {"kind": "prediction", "request_id": request_id, "time": time, "model": "churn@1", "variant": "champion"}
    return json.dumps(record | {"rows": [row]}).encode()


def labelled(row_id, label, time):
    return json.dumps({"kind": "feedback", "time": time, "id": row_id, "label": label}).encode()


@pytest.fixture
def write(tmp_path):
    """Write lines as one closed segment."""

    def write(*lines):
        log = PredictionLog(tmp_path)
        for line in lines:
            log.append(line)
        log.close()

    return write


def compact_all(directory):
    return sum(compact.compact(directory, path) for path in segments.listed(directory, segments.CLOSED))


def test_an_empty_directory_is_an_empty_table_with_its_columns(tmp_path):
    table = read_log(tmp_path / "nothing")

    assert len(table) == 0
    assert {"request_id", "id", "time", "model", "variant", "score", "label", "actual", "actuals"} <= set(table)


def test_each_predicted_row_is_a_row_with_its_features_score_and_label(write, tmp_path):
    write(predicted("a"), predicted("b", tenure=None, score=0.1, label=False))

    table = read_log(tmp_path)

    assert table[["id", *FEATURES, "score", "label"]].astype(object).to_dict("list") == {
        "id": ["a", "b"],
        "features.tenure": [3.0, pytest.approx(float("nan"), nan_ok=True)],
        "features.plan": ["basic", "basic"],
        "score": [0.7, 0.1],
        "label": [True, False],
    }


def test_compaction_changes_nothing_in_the_table(write, tmp_path):
    write(
        predicted("a"),
        predicted("b", time="2026-11-21T01:00:00Z", tenure=None),
        labelled("a", True, "2026-11-22T00:00Z"),
    )
    write(predicted("c", plan=None), labelled("b", False, "2026-11-22T00:00Z"))
    before = read_log(tmp_path)

    compact_all(tmp_path)

    assert segments.backlog(tmp_path) == 0
    assert len(log_parts.compacted(tmp_path, log_parts.PREDICTIONS)) == 3
    pd.testing.assert_frame_equal(read_log(tmp_path), before)


def test_a_compacted_segment_without_its_mark_counts_once(write, tmp_path):
    write(predicted("a"), labelled("a", True, "2026-11-22T00:00Z"))
    compact_all(tmp_path)
    (done,) = segments.listed(tmp_path, segments.DONE)
    done.rename(done.with_suffix(""))

    table = read_log(tmp_path)

    assert table[["id", "actuals"]].to_numpy().tolist() == [["a", 1]]


def test_open_segments_are_read_without_disturbing_their_writer(tmp_path):
    log = PredictionLog(tmp_path)
    log.append(predicted("a"))

    first = list(read_log(tmp_path)["id"])
    log.append(predicted("b"))
    log.close()

    assert first == ["a"]
    assert list(read_log(tmp_path)["id"]) == ["a", "b"]


@pytest.mark.parametrize("compacting", [False, True])
def test_the_latest_label_wins_and_all_are_counted(write, tmp_path, compacting):
    write(labelled(7, "no", "2026-11-23T00:00:00Z"), labelled("7", "yes", "2026-11-22T00:00:00Z"), predicted("r", id=7))
    if compacting:
        compact_all(tmp_path)

    table = read_log(tmp_path)

    assert table[["id", "actual", "actuals"]].to_numpy().tolist() == [["7", "no", 2]]


def test_since_is_inclusive_until_is_exclusive_and_labels_of_any_time_count(write, tmp_path):
    times = [f"2026-11-{day}T00:00:00Z" for day in (19, 20, 21)]
    write(*[predicted(str(n), time=time) for n, time in enumerate(times)], labelled("1", True, "2026-12-24T00:00Z"))
    compact_all(tmp_path)

    table = read_log(tmp_path, since="2026-11-20", until="2026-11-21")

    assert table[["id", "actual"]].to_numpy().tolist() == [["1", True]]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\x00\x00",
        b"\xff",
        b"[]",
        b'{"kind": "other"}',
        predicted("x").replace(b"0.7", b"NaN"),
        b'{"a": "\\ud800"}',
    ],
)
def test_a_damaged_line_is_counted_and_its_segment_is_kept(write, tmp_path, line):
    write(predicted("a"), line, predicted("b"))

    before = read_log(tmp_path)
    unreadable = compact_all(tmp_path)
    segments.prune(tmp_path, keep_days=-1)

    assert (before.attrs["unreadable"], unreadable) == (1, 1)
    assert list(before["id"]) == list(read_log(tmp_path)["id"]) == ["a", "b"]
    assert len(segments.listed(tmp_path, segments.BAD)) == 1


def test_columns_of_mixed_kinds_can_be_compacted(write, tmp_path):
    write(predicted("a", tenure=10**400, label=1), predicted("b", tenure="three", label="no"), predicted("c", plan=[1]))

    compact_all(tmp_path)

    assert list(read_log(tmp_path)["features.tenure"].str[:5]) == ["10000", "three", "3"]


def test_only_lines_stored_elsewhere_are_deleted(write, tmp_path):
    write(predicted("a"))
    compact_all(tmp_path)
    write(predicted("b"))

    deleted = segments.prune(tmp_path, keep_days=-1)

    assert deleted == 1
    assert sorted(read_log(tmp_path)["id"]) == ["a", "b"]


def test_days_older_than_keep_days_are_deleted(write, tmp_path, stage, monkeypatch):
    write(predicted("old", time="2020-01-01T00:00:00Z"), predicted("new", time="2100-01-01T00:00:00Z"))
    monkeypatch.setenv("PREDICTION_LOG", str(tmp_path))
    monkeypatch.setattr(compact, "read_params", lambda: type("P", (), {"log": Log(keep_days=30, keep_segments_days=7)}))

    compact.main()

    assert list(read_log(tmp_path)["id"]) == ["new"]


def test_a_feature_with_the_name_of_a_log_column_keeps_its_own_column(write, tmp_path):
    write(predicted("a", model="T-Ford", time_=3))

    table = read_log(tmp_path)

    assert table.loc[0, ["model", "features.model"]].tolist() == ["churn@1", "T-Ford"]


NAMES = ["tenure", "model", "id", "features.x", "features", "lag_days"]  # of features
OLD_LINE = ["tenure", "model", "features.id", "features.features.x", "features", "lag_days"]
OLD_DAY = ["tenure", "features.model", "features.id", "features.features.x", "features", "features.lag_days"]


@pytest.mark.parametrize("compacted", [False, True])
def test_a_log_of_the_form_without_nested_features_is_still_read(tmp_path, write, compacted):
    """From before features were nested: beside id and score, with a prefix only for a name in use."""
    line = json.loads(predicted("a"))
    answer = {name: line["rows"][0][name] for name in ("id", "score", "label")}
    old = answer | {name: place for place, name in enumerate(OLD_LINE)}
    new = answer | {"features": {name: place for place, name in enumerate(NAMES)}}
    (write if not compacted else (lambda line: _compacted(tmp_path, line)))(json.dumps(line | {"rows": [old]}).encode())
    write(json.dumps(line | {"rows": [new], "request_id": "b"}).encode())

    table = read_log(tmp_path)

    features = [name for name in table if name.startswith("features.")]
    assert features == [f"features.{name}" for name in NAMES]
    assert table[features].to_numpy().tolist() == [[*range(len(NAMES))]] * 2
    assert table[["id", "score", "label"]].to_numpy().tolist() == [["a", 0.7, True]] * 2


def _compacted(folder, line):
    """The Parquet file that an older template wrote for a line of a day."""
    frame = line_tables.tables(numbered(SEGMENT, line + b"\n")).predictions
    frame = frame.rename(columns=dict(zip([f"features.{name}" for name in NAMES], OLD_DAY, strict=True)))
    tables.write_table(frame, folder / "compacted" / "predictions" / "day=2026-11-20" / f"{SEGMENT}.parquet")


def test_only_one_compactor_works_at_a_time(tmp_path):
    with (
        segments.sole_worker(tmp_path),
        pytest.raises(UserError, match="another process"),
        segments.sole_worker(tmp_path),
    ):
        pass


def test_an_invalid_date_is_refused(tmp_path):
    with pytest.raises(UserError, match="since: 'yesterdayish' is not a date"):
        read_log(tmp_path, since="yesterdayish")


def test_make_logs_prints_the_table(write, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(SAMPLE.parent)
    monkeypatch.setenv("PREDICTION_LOG", str(tmp_path))
    write(predicted("a"), labelled("a", True, "2026-11-22T00:00Z"))

    logs.main(csv=True)

    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("request_id,id,time,model,variant,")
    assert len(rows) == 1


def test_make_logs_prints_the_newest_rows_with_their_features_and_counts_all(write, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(SAMPLE.parent)
    monkeypatch.setenv("PREDICTION_LOG", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "400")
    write(predicted("a"), predicted("b"), labelled("a", True, "2026-11-22T00:00Z"))
    first, *_ = (name for name in read_log(tmp_path) if name.startswith("features."))

    logs.main(rows=1)

    said = capsys.readouterr()
    head, row, *_ = said.out.splitlines()
    assert first in head.split()
    assert row.split()[1] == "b"
    assert "logs: 2 predicted rows" in said.err
    assert "1 with a label" in said.err


@pytest.mark.parametrize(("since", "advice"), [("2030-01-01", "choose another SINCE or UNTIL"), ("", "make serve")])
def test_make_logs_without_rows_says_what_to_do(tmp_path, monkeypatch, capsys, since, advice):
    monkeypatch.chdir(SAMPLE.parent)
    monkeypatch.setenv("PREDICTION_LOG", str(tmp_path))

    logs.main(since=since)

    assert advice in capsys.readouterr().err


def test_make_logs_of_a_long_log_states_the_share_of_the_ids(write, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(SAMPLE.parent)
    monkeypatch.setenv("PREDICTION_LOG", str(tmp_path))
    monkeypatch.setattr(condensed, "MOST", 10)
    write(*(predicted(f"r{number}") for number in range(40)))

    logs.main()

    assert "of the ids represents them, and all counts are of these ids. CSV=1" in capsys.readouterr().err
