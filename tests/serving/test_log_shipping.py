"""The shipper with a real PostgreSQL and a real S3 server: sent once, sent again, target absent, wrong key."""

import json
import os
import subprocess
import sys
import time

import pandas as pd
import pytest

from ml.io.errors import UserError
from ml.monitoring import collect
from ml.monitoring.log_tables import LogTable
from ml.prediction_log import segments
from ml.prediction_log.predictions import read_log
from ml.prediction_log.targets import Unreachable, target
from ml.settings.log import Log
from ml.stages.ship import ship
from serving.log_writer import PredictionLog
from tests.conftest import SAMPLE

pytestmark = pytest.mark.slow


def write(directory, *ids):
    log = PredictionLog(directory)
    for request_id in ids:
        row = {"id": request_id, "features": {"note": "ü\x00'"}, "score": 0.7, "label": True}
        record = {"kind": "prediction", "request_id": request_id, "time": "2026-11-20T10:00:00Z", "model": "churn@1"}
        log.append(json.dumps(record | {"variant": "champion", "rows": [row]}).encode())
    log.append(json.dumps({"kind": "feedback", "time": "2026-11-21T10:00:00Z", "id": ids[0], "label": False}).encode())
    log.close()


@pytest.fixture(params=["postgres", "bucket", "folder"])
def place(request, tmp_path):
    """A URL of each kind of target."""
    if request.param == "folder":
        return f"file://{tmp_path}/elsewhere"
    value = request.getfixturevalue(request.param)
    return getattr(value, "url", value)


def test_shipped_lines_are_read_unchanged_and_only_from_the_target(tmp_path, place):
    write(tmp_path / "logs", "a", "b")
    before = read_log(tmp_path / "logs")

    ship(tmp_path / "logs", target(place), Log())

    assert segments.backlog(tmp_path / "logs") == 0
    assert read_log(tmp_path / "logs").empty
    assert read_log(place).to_dict() == before.to_dict()


def test_monitoring_collects_a_window_from_each_kind_of_target(tmp_path, place, params):
    write(tmp_path / "logs", "a", "b")
    ship(tmp_path / "logs", target(place), Log())
    names, now = collect.Names(frozenset({"churn@1"})), pd.Timestamp("2026-11-21T12:00Z")

    table = LogTable([place], params.data).recent(now, params.monitor)
    found = collect.collect(table, names, params.data, params.monitor, now)

    assert found.fates["judged"] == len(table) == 2
    assert found.rows.set_index("id")["label"].dropna().to_dict() == {"a": 0.0}


def test_shipping_again_after_a_kill_before_the_mark_duplicates_nothing(tmp_path, place):
    write(tmp_path / "logs", "a", "b")
    ship(tmp_path / "logs", target(place), Log())
    (done,) = segments.listed(tmp_path / "logs", segments.DONE)
    done.rename(done.with_suffix(""))

    ship(tmp_path / "logs", target(place), Log())
    table = read_log(place)

    assert table[["id", "actuals"]].to_numpy().tolist() == [["a", 1], ["b", 0]]
    assert list(read_log(tmp_path / "logs", place, since="2026-11-20")["id"]) == ["a", "b"]


def test_a_shipped_segment_is_kept_for_days_after_any_wait(tmp_path):
    write(tmp_path / "logs", "a")
    long_ago = time.time() - 8 * 86_400
    (waiting,) = segments.listed(tmp_path / "logs", segments.CLOSED)
    os.utime(waiting, (long_ago, long_ago))
    place = target(f"file://{tmp_path}/elsewhere")

    ship(tmp_path / "logs", place, Log(keep_segments_days=7))
    (done,) = segments.listed(tmp_path / "logs", segments.DONE)
    os.utime(done, (long_ago, long_ago))
    ship(tmp_path / "logs", place, Log(keep_segments_days=7))

    assert not done.exists()


def test_an_absent_database_leaves_the_log_unchanged_and_gets_it_later(tmp_path, postgres):
    write(tmp_path / "logs", "a")
    postgres.stop()
    try:
        with pytest.raises(Unreachable, match="does not respond"):
            ship(tmp_path / "logs", target(postgres.url), Log())
        waiting = segments.backlog(tmp_path / "logs")
    finally:
        postgres.start()
    ship(tmp_path / "logs", target(postgres.url), Log())

    assert waiting > 0
    assert list(read_log(postgres.url)["id"]) == ["a"]


def test_the_shipper_waits_for_an_absent_database(tmp_path, postgres):
    write(tmp_path / "logs", "a")
    (tmp_path / "params.yaml").write_text(SAMPLE.read_text())
    postgres.stop()
    command = [sys.executable, "-m", "ml.stages.ship", "--every", "0.2"]
    environment = {**os.environ, "PREDICTION_LOG": postgres.url}
    shipper = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        complaint = shipper.stderr.readline()
        postgres.start()
        deadline = time.monotonic() + 60
        while segments.backlog(tmp_path / "logs") and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        shipper.kill()
        shipper.wait()
        shipper.stderr.close()

    assert "does not respond" in complaint
    assert list(read_log(postgres.url)["id"]) == ["a"]


def test_a_wrong_password_is_reported_without_it_and_not_retried(tmp_path, postgres):
    write(tmp_path / "logs", "a")

    with pytest.raises(UserError, match="password authentication failed") as caught:
        ship(tmp_path / "logs", target(postgres.url.replace("secret", "hunter2")), Log())

    assert not isinstance(caught.value, Unreachable)
    assert "hunter2" not in str(caught.value)
    assert segments.backlog(tmp_path / "logs") > 0


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://no-such-bucket/x", "does not exist"),
        ("nosuch://place", "cannot be used"),
        ("postgresql://h/?nosuch=1", "refuses"),
    ],
)
def test_an_impossible_target_gives_a_clear_message(tmp_path, bucket, url, message):
    write(tmp_path / "logs", "a")

    with pytest.raises(UserError, match=message):
        ship(tmp_path / "logs", target(url), Log())

    assert segments.backlog(tmp_path / "logs") > 0


def test_an_absent_object_store_leaves_the_log_unchanged(tmp_path, bucket, monkeypatch):
    write(tmp_path / "logs", "a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(Unreachable):
        ship(tmp_path / "logs", target(bucket + "/absent"), Log())

    assert segments.backlog(tmp_path / "logs") > 0


def test_two_first_shippers_may_make_the_table_at_once(tmp_path, postgres, stage):
    for name in "ab":
        write(tmp_path / name / "logs", name)
        (tmp_path / name / "params.yaml").write_text(SAMPLE.read_text())
    command = [sys.executable, "-m", "ml.stages.ship", "--once"]
    environment = {**os.environ, "PREDICTION_LOG": postgres.url}
    both = [subprocess.Popen(command, cwd=tmp_path / name, env=environment) for name in "ab"]

    codes = [process.wait() for process in both]

    assert codes == [0, 0]
    assert sorted(read_log(postgres.url)["id"]) == ["a", "b"]


def test_without_a_target_the_message_names_the_variable(stage):
    said = stage("ship", "--once", PREDICTION_LOG="")

    assert said.returncode == 1
    assert "PREDICTION_LOG is not a target" in said.stderr


@pytest.mark.parametrize("name", ["notes", "99999999T000000-1-a-000001", "20261121T000000-a\nb", "20261121T000000-.."])
def test_a_foreign_file_does_not_stop_shipping(tmp_path, capsys, name):
    write(tmp_path / "logs", "a")
    write(tmp_path / "other", "b")
    (copied,) = (tmp_path / "other").glob("*.jsonl")
    copied.rename(tmp_path / "logs" / f"{name}.jsonl")

    ship(tmp_path / "logs", target(f"file://{tmp_path}/elsewhere"), Log())

    assert len(read_log(f"file://{tmp_path}/elsewhere")) == len(read_log(tmp_path / "logs")) > 0
    assert "is not named like a segment" in capsys.readouterr().err
