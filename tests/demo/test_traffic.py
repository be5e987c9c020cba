"""Simulated customers sent through the real API: marked as simulated, and refused if they break the contract."""

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from demo.traffic import main
from ml.prediction_log.predictions import read_log
from tests.conftest import ROOT, SAMPLE
from tests.serving.server import application, built, lines, rows

CODE = {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
TIME = {"X-Simulated-Time": "2031-01-02T03:04:05+01:00"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, customers, params):
    return built(tmp_path_factory.mktemp("place") / "build" / "model", customers, params)


def traffic(folder, *arguments, **environment):
    command = [sys.executable, "-m", "demo.traffic", *arguments]
    environment = os.environ | CODE | environment
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_customers_and_late_labels_reach_the_log_of_a_started_server(folder):
    place = folder.parent.parent
    (place / "params.yaml").write_bytes(SAMPLE.read_bytes())

    done = traffic(place, "--months", "13-14", "--rows", "100")

    assert done.returncode == 0, done.stderr
    log = read_log(place / "logs")
    assert log["simulated"].all()
    assert log["time"].dt.strftime("%Y-%m").value_counts().to_dict() == {"2026-01": 100, "2026-02": 100}
    assert 150 < log["actual"].notna().sum() < 200
    assert ((log["actual_time"] - log["time"]).dropna() == pd.Timedelta(days=7)).all()
    assert set(log["model"]) == {read_log(place / "logs")["model"].iloc[0]}


def test_no_first_customers_are_sent_without_a_model(tmp_path, monkeypatch, capsys):
    (tmp_path / "params.yaml").write_bytes(SAMPLE.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["traffic", "--first"])

    assert main() == 0
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_the_first_customers_are_sent_only_to_a_fresh_fork(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "build" / "model")
    (tmp_path / "params.yaml").write_bytes(SAMPLE.read_bytes())
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    first = ("--first", "--months", "13", "--rows", "50")

    named = traffic(tmp_path, *first, PREDICTION_LOG="elsewhere")
    sent = traffic(tmp_path, *first)
    again = traffic(tmp_path, *first)

    assert {done.returncode for done in (named, sent, again)} == {0}
    assert "simulated customers are sent to the API" in sent.stderr
    assert (named.stderr, again.stderr) == ("", "")
    assert len(read_log(tmp_path / "logs")) == 50


@pytest.mark.slow
def test_customers_that_break_the_contract_are_refused_and_counted_and_the_others_are_not(folder):
    place = folder.parent.parent
    (place / "params.yaml").write_bytes(SAMPLE.read_bytes())
    before = len(read_log(place / "logs"))

    done = traffic(place, "--months", "24", "--rows", "100", "--seed", "3")

    taken = len(read_log(place / "logs")) - before
    assert done.returncode == 0, done.stderr
    assert 80 < taken < 100
    assert f"{100 - taken} refused: device watch, allowed one of web, ios, android, tv" in done.stderr


@pytest.mark.slow
def test_without_a_model_or_a_server_it_says_so(tmp_path):
    (tmp_path / "params.yaml").write_bytes(SAMPLE.read_bytes())

    alone, nobody = traffic(tmp_path), traffic(tmp_path, "--url", "http://127.0.0.1:9")

    assert (alone.returncode, nobody.returncode) == (1, 1)
    assert "the server ended before it answered" in alone.stderr
    assert "holds no model" in alone.stderr
    assert "does not answer" in nobody.stderr
    assert "Traceback" not in alone.stderr + nobody.stderr


@pytest.mark.slow
def test_a_server_accepts_simulated_time_only_by_setting_and_then_marks_each_line(folder, customers, params, tmp_path):
    row = {"rows": rows(customers, params.data, 1)}
    label = {"labels": [{"id": "a", "label": True}]}
    with TestClient(application(folder, tmp_path / "real")) as client:
        refused = client.post("/predict", json=row, headers=TIME)
    with TestClient(application(folder, tmp_path / "play", simulated_time="true")) as client:
        wrong = client.post("/predict", json=row, headers={"X-Simulated-Time": "in spring"})
        client.post("/predict", json=row, headers=TIME)
        client.post("/feedback", json=label, headers=TIME)
        client.post("/predict", json=row)

    assert (refused.status_code, wrong.status_code) == (400, 400)
    assert "SERVING_SIMULATED_TIME" in refused.json()["detail"]
    assert lines(tmp_path / "real") == []
    simulated, feedback, real = lines(tmp_path / "play")
    assert (simulated["time"], simulated["simulated"]) == ("2031-01-02T02:04:05.000000+00:00", True)
    assert (feedback["time"], feedback["simulated"]) == ("2031-01-02T02:04:05.000000+00:00", True)
    assert "simulated" not in real
