"""The verdict on predictions: from the log of the real application to the report and the history."""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.data import schema
from ml.github import alerts
from ml.io import files
from ml.model import identity, model, model_file
from ml.monitoring.monitor_record import MonitorRecord
from ml.registry import registry
from ml.stages import monitor
from serving.log_writer import PredictionLog
from tests.world.sample import customers


@pytest.fixture
def without_evidently(monkeypatch):
    """Disable Evidently, which takes half of the time of a test."""
    monkeypatch.setitem(sys.modules, "evidently", None)


def judged(**flags):
    """The exit code and the contents of build/monitor.json and .md."""
    code = monitor.main(**flags)
    return code, json.loads(Path("build/monitor.json").read_text()), Path("build/monitor.md").read_text()


def predicted(place, count, days_ago, model):
    """Log real predictions of a model."""
    log = PredictionLog(place / "logs")
    for number in range(count):
        time = datetime.now(UTC) - timedelta(days=days_ago)
        row = {"id": f"{model}-{number}", "tenure_months": number, "score": number / count, "label": False}
        head = {"kind": "prediction", "request_id": f"r{number}", "time": time.isoformat(), "model": model}
        log.append(json.dumps(head | {"variant": "champion", "rows": [row]}).encode())
    log.close()


@pytest.mark.slow
def test_simulated_predictions_are_judged_plotted_by_evidently_and_marked_as_simulated(place, send):
    send(13, rows=1000)

    code, found, text = judged()

    assert (code, found["verdict"], found["simulated"]) == (0, "stable", True)
    assert found["reason"].startswith("Simulated rows. 1,000 predictions")
    assert "**Simulated.**" in text
    for name in ("evidently.html", "evidently_classification.html"):
        assert "<html" in (place / "build" / name).read_text()[:500]


@pytest.mark.slow
def test_an_unknown_season_is_reported(place, without_evidently):
    settings = (place / "params.yaml").read_text()
    (place / "params.yaml").write_text(settings.replace("\nmonitor:", "\nmonitor:\n  season: true"))
    predicted(place, 600, 1, f"churn@{identity.of(files.MODEL)[:12]}")

    _, found, text = judged()

    assert "The season is not known: " in found["reason"]
    assert "the log holds 0 of the same days a year ago" in text


@pytest.mark.slow
def test_a_quiet_month_then_drift_then_a_worse_model(place, send, without_evidently, monkeypatch):
    monkeypatch.setenv("GITHUB_OUTPUT", str(place / "output"))
    send(13)
    quiet, stable, calm = judged(strict=True)
    send(17)
    strict, drift, alarm = judged(strict=True)
    send(22, rows=1500)
    lenient, degraded, _ = judged()
    monitor.main(history=True)

    assert [f["verdict"] for f in (stable, drift, degraded)] == ["stable", "drift", "degraded"]
    assert (quiet, strict, lenient) == (0, 1, 0)
    told = [
        "verdict=stable",
        "confirmed=false",
        "verdict=drift",
        "confirmed=true",
        "verdict=degraded",
        "confirmed=true",
    ]
    assert (place / "output").read_text().splitlines() == told
    moved = {c["column"] for c in drift["columns"] if c["drifted"]}
    assert moved == {"monthly_charge", "channel"}
    assert "## Shifted columns\n\nNone." in calm
    assert "| monthly_charge |" in alarm.split("<details>")[0]
    assert "**`make retrain`**" in alarm
    assert len([w for w in degraded["windows"] if w["value"] is not None]) == 2
    assert {"drift"} == set(alerts.of_monitoring(MonitorRecord.model_validate(drift), None))
    assert {"degraded"} == set(alerts.of_monitoring(MonitorRecord.model_validate(degraded), None))
    remembered = registry.open_registry("churn").verdicts()
    assert [v["verdict"] for v in remembered] == ["stable", "drift", "degraded"]
    page = (place / "build" / "monitor_history.html").read_text()
    assert "3 verdicts: 1 stable, 1 drift, 1 degraded." in page
    assert "<svg" in page
    assert not re.findall(r"""(?:src|href)=["']http""", page)


@pytest.mark.slow
def test_a_model_is_degraded_if_its_labels_take_longer_than_the_window(place, params, without_evidently):
    now, rng, count = pd.Timestamp.now("UTC"), np.random.default_rng(0), 2400
    rows = schema.conform(customers(13, count), params.data)
    score = model.scores(model_file.loads(files.read_bytes(files.MODEL / "model.skops")), rows, params.data)
    time = now - pd.to_timedelta(60 * (1 - np.arange(count) / count), unit="D")
    came = time + pd.Timedelta(days=31)
    outcome = pd.Series(rng.random(count) < 0.3).where(came <= now)  # has nothing to do with the score
    table = rows[[*params.data.columns]].assign(id=range(count), time=time, score=score, actual=outcome)
    table.assign(actual_time=came).to_csv(place / "late.csv", index=False)
    text = (place / "params.yaml").read_text()
    (place / "params.yaml").write_text(text.replace('source: ""', "source: late.csv"))

    _, found, report = judged()

    on = found["performance"]
    assert found["verdict"] == "degraded", found["reason"]
    assert not [c for c in found["columns"] if c["drifted"]]
    assert found["collected"]["labelled"] == 0
    assert 1100 < on["labelled"] < on["rows"] <= 1200
    assert on["until"] == found["collected"]["since"]
    assert f"The labels are of predictions from {on['since'][:10]} to {on['until'][:10]}" in found["reason"]
    assert f"predictions from {on['since'][:10]} to {on['until'][:10]} have a label" in report
    assert "The labels are of" in alerts.of_monitoring(MonitorRecord.model_validate(found), None)["degraded"].text


@pytest.mark.slow
def test_a_silent_source_is_distinguished_from_a_slow_one(place, without_evidently):
    model = f"churn@{'0' * 12}"
    predicted(place, 5, days_ago=4, model=model)
    _, silent, report = judged()
    predicted(place, 5, days_ago=1, model=model)
    _, slow, _ = judged()

    assert (silent["verdict"], silent["silent"]) == ("not enough data", True)
    assert "4.0 days ago" in silent["reason"]
    assert "Check that the server runs" in report
    assert set(alerts.of_monitoring(MonitorRecord.model_validate(silent), None)) == {"silent-source"}
    assert slow["silent"] is False


@pytest.mark.slow
def test_simulated_rows_beside_a_real_one_are_counted_and_judged_by_setting(place, send, without_evidently, capsys):
    send(13)
    predicted(place, 1, 0, f"churn@{identity.of(files.MODEL)[:12]}")

    _, few, report = judged()
    said = capsys.readouterr().out
    _, simulated, _ = judged(simulated=True)

    assert few["verdict"] == "not enough data"
    assert "1 real and 600 simulated rows" in report
    assert "make monitor SIMULATED=1" in said
    assert (simulated["verdict"], simulated["simulated"]) == ("stable", True)


def test_rows_of_an_unregistered_model_are_counted_and_not_judged(place, without_evidently):
    predicted(place, 600, days_ago=1, model="risk@9")

    _, found, report = judged()

    assert found["verdict"] == "not enough data"
    assert found["collected"]["strangers"] == {"risk@9": 600}
    assert "Of 600 rows read, 600 are scored by a model that is not in the registry" in found["reason"]
    assert "| … by risk@9 | 600 |" in report


def test_a_log_without_rows_is_reported(place, without_evidently):
    code, found, _ = judged()

    assert (code, found["verdict"], found["silent"]) == (0, "not enough data", True)
    assert "There are no predictions." in found["reason"]


def test_an_empty_source_of_predictions_is_a_problem(place, without_evidently, monkeypatch):
    monkeypatch.setenv("PREDICTION_LOG", "other")

    _, found, _ = judged()

    assert (found["verdict"], found["silent"], found["simulated"]) == ("not enough data", True, False)
    assert not (place / "logs").exists()


@pytest.mark.slow
def test_another_source_in_params_yaml_is_read(place, send, without_evidently):
    send(13)
    (place / "logs").rename(place / "elsewhere")
    text = (place / "params.yaml").read_text()
    (place / "params.yaml").write_text(text.replace('source: ""', f"source: {place}/elsewhere"))

    _, found, _ = judged()

    assert found["collected"]["fates"]["judged"] == 600


def test_without_a_verdict_there_is_no_history(place, capsys):
    assert monitor.main(history=True) == 0
    assert "no verdict yet" in capsys.readouterr().out
