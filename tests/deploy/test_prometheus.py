"""Alerts and dashboard: their metrics exist, and each alert fires when it should and only then."""

import json
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml

from ml.monitoring import exporter
from tests.serving.conftest import free_port
from tests.serving.server import built, rows, running

HERE = Path("src/deploy/prometheus")
ALERTS = [rule for group in yaml.safe_load((HERE / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads(Path("src/deploy/grafana/dashboards/serving.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
METRIC = re.compile(r"\b(?:serving|monitor)_\w+|\bup\b")
pytestmark = pytest.mark.skipif(
    not shutil.which("promtool"), reason="prometheus is not installed: apt-get install prometheus"
)


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], cwd=HERE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def get(address):
    with urllib.request.urlopen(address, timeout=5) as answer:
        return json.loads(answer.read())


def post(port, path, body):
    data, head = json.dumps(body).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, head)
    try:
        return urllib.request.urlopen(request, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code


def test_prometheus_accepts_configuration_and_rules():
    promtool("check", "config", "prometheus.yml")


@pytest.mark.slow
def test_every_alert_fires_and_stays_silent_when_it_should():
    promtool("test", "rules", "alerts_test.yml")


@pytest.mark.parametrize("name", [rule["alert"] for rule in ALERTS])
def test_every_alert_has_both_tests_and_a_severity(name):
    tests = yaml.safe_load((HERE / "alerts_test.yml").read_text())["tests"]
    tried = [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == name]
    rule = next(rule for rule in ALERTS if rule["alert"] == name)

    assert {bool(case["exp_alerts"]) for case in tried} == {True, False}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert f"### {name}\n" in Path("docs/runbook.md").read_text()


@pytest.fixture(scope="module")
def prometheus(params, customers, tmp_path_factory):
    """The address of a Prometheus with the shipped rules that scrapes a live API and a verdict."""
    place = tmp_path_factory.mktemp("prometheus")
    (place / "monitor.json").write_text(json.dumps({"verdict": "drift"}))
    teller = exporter.server(place / "monitor.json", "127.0.0.1", 0)
    threading.Thread(target=teller.serve_forever, daemon=True).start()
    api, own = free_port(), free_port()
    targets = {"api": f"127.0.0.1:{api}", "monitor": f"127.0.0.1:{teller.server_port}"}
    _configure(place, targets)
    (place / "logs").mkdir()
    folder = built(place / "model", customers, params)
    command = [
        "prometheus", f"--config.file={place / 'prometheus.yml'}", f"--storage.tsdb.path={place / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]  # fmt: skip
    with running(folder, place / "logs", api):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert post(api, "/predict", {"rows": rows(customers, params.data, 5)}) == 200
            assert post(api, "/predict", {"rows": [{"nonsense": 1}]}) == 422
            assert post(api, "/feedback", {"labels": [{"id": "x", "label": True}]}) == 200
            yield f"http://127.0.0.1:{own}/api/v1"
        finally:
            process.terminate()
            process.wait(20)
            teller.shutdown()


def _configure(place, targets):
    """The shipped configuration with the addresses of this test and shorter intervals."""
    config = yaml.safe_load((HERE / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    for job in config["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    (place / "prometheus.yml").write_text(yaml.safe_dump(config))
    shutil.copy(HERE / "alerts.yml", place)


def until(check, seconds=40):
    """The result of `check` as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := check():
                return found
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.3)
    raise AssertionError("it did not come true in time")


@pytest.mark.slow
def test_a_real_prometheus_scrapes_the_live_api_and_every_queried_metric(prometheus):
    def healthy():
        found = get(f"{prometheus}/targets")["data"]["activeTargets"]
        return len(found) == 2 and all(target["health"] == "up" for target in found)

    until(healthy)
    asked = {name for text in [*EXPRESSIONS, *(rule["expr"] for rule in ALERTS)] for name in METRIC.findall(text)}
    known = until(lambda: set(get(f"{prometheus}/label/__name__/values")["data"]) >= {"up", "monitor_verdict"}) and set(
        get(f"{prometheus}/label/__name__/values")["data"]
    )
    wrong = [
        text for text in EXPRESSIONS
        if get(f"{prometheus}/query?query={urllib.parse.quote(text)}")["status"] != "success"
    ]  # fmt: skip

    assert len(asked) >= 10
    assert not asked - known
    assert not wrong


@pytest.mark.slow
def test_a_verdict_of_drift_becomes_an_alert(prometheus):
    def firing():
        return [a for a in get(f"{prometheus}/alerts")["data"]["alerts"] if a["labels"]["alertname"] == "Drift"]

    (alert,) = until(firing)

    assert alert["state"] == "firing"
    assert alert["labels"]["verdict"] == "drift"


def test_there_is_no_verdict_before_the_first_monitoring(tmp_path):
    assert exporter.text(tmp_path / "monitor.json") == ""


def test_a_dashboard_answers_four_questions():
    titles = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]

    assert titles == ["Is it up?", "Is it fast?", "What does it predict?", "Which model?"]
