"""One issue for each kind of problem: opened once, updated while it lasts, then closed; and a chat message."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ml.github import alerts, github
from ml.stages import alert as stage
from tests.github.double import Hub
from tests.retrain.conftest import finished

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
MOVED = {"column": "plan", "drifted": True, "reason": "premium 20 % to 35 %", "effect": 0.3}


@pytest.fixture
def hub():
    with Hub() as running:
        yield running


@pytest.fixture
def chat():
    """A local chat server: its messages, its URL, and the status of its responses."""
    said, answer = [], {"status": 200}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            said.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answer["status"])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield said, f"http://127.0.0.1:{server.server_port}/hook/secret", answer
    server.shutdown()
    server.server_close()
    thread.join()


def alert(project, hub, *flags, monitor=None, **environment):
    """A finished `make alert` after a verdict."""
    if monitor:
        (project / "build").mkdir(exist_ok=True)
        (project / "build" / "monitor.json").write_text(json.dumps({"reason": "2 columns moved", **monitor}))
    return finished(stage.main, project, hub.environment(**environment), *flags)


def titles(hub):
    return sorted(issue["title"].split(":")[0] for issue in hub.open("issues"))


def test_drift_opens_one_issue_refreshes_it_and_closes_it_afterwards(project, hub):
    alert(project, hub, monitor={"verdict": "drift", "columns": [MOVED]})
    alert(project, hub, monitor={"verdict": "drift", "columns": [MOVED | {"reason": "premium 20 % to 40 %"}]})

    assert titles(hub) == ["Drift"]
    assert "| plan | premium 20 % to 40 % |" in hub.open("issues")[0]["body"]

    done = alert(project, hub, monitor={"verdict": "stable", "columns": []})

    assert titles(hub) == []
    assert "Resolved: the verdict is now stable." in next(iter(hub.comments.values()))["body"]
    assert "alert: closed" in done.stderr


def test_an_alert_ends_with_the_run_that_found_it(project, hub):
    alert(project, hub, monitor={"verdict": "drift"}, GITHUB_RUN_ID="77")

    assert "/actions/runs/77" in hub.open("issues")[0]["body"]


def test_drift_with_an_open_retraining_is_no_problem(project, hub):
    connected = github.connect(hub.environment())
    github.pull_request(connected, "retrain/2026-11-20", "main", "Retrain", "x")

    alert(project, hub, monitor={"verdict": "drift", "columns": [MOVED]})

    assert titles(hub) == []


def test_a_degraded_model_is_still_a_problem_and_the_issue_names_the_pull_request(project, hub):
    connected = github.connect(hub.environment())
    url = github.pull_request(connected, "retrain/2026-11-20", "main", "Retrain", "x")["html_url"]

    alert(project, hub, monitor={"verdict": "degraded"})

    assert titles(hub) == ["Degraded"]
    assert url in hub.open("issues")[0]["body"]


def test_kinds_of_problems_open_and_close_independently(project, hub):
    alert(project, hub, monitor={"verdict": "drift"})
    alert(project, hub, monitor={"verdict": "not enough data", "silent": True})

    assert titles(hub) == ["Silent source"]


def test_another_workflow_reports_a_disabled_schedule(project, hub):
    hub.workflow_states["monitor.yml"] = "disabled_inactivity"

    alert(project, hub, "--schedule")

    assert titles(hub) == ["Silent schedule"]

    hub.workflow_states.clear()
    alert(project, hub, "--schedule")

    assert titles(hub) == []


@pytest.mark.parametrize(
    ("state", "age", "trouble"),
    [
        ("active", timedelta(days=2), False),
        ("active", timedelta(days=4), True),
        ("active", None, False),
        ("disabled_manually", timedelta(hours=1), True),
        ("disabled_inactivity", None, True),
        ("disabled_fork", None, False),
    ],
)
def test_silence_of_a_schedule_is_judged_by_its_age(state, age, trouble):
    last = None if age is None else (NOW - age).strftime("%Y-%m-%dT%H:%M:%SZ")

    assert (alerts.of_schedule(state, last, NOW, 3) is not None) is trouble


def test_a_rejected_approval_is_no_failure(project, hub):
    """GitHub reports the job that requested the approval as failed, and the waiting job as skipped."""
    results = {"staging": "success", "approval": "failure", "production": "skipped"}

    done = alert(project, hub, "--jobs", "release", NEEDS=needs(**results))

    assert done.returncode == 0
    assert titles(hub) == []


def needs(**results):
    return json.dumps({job: {"result": result, "outputs": {}} for job, result in results.items()})


def test_a_failed_job_opens_an_issue_that_names_it_and_a_run_that_skipped_it_does_not_close_it(project, hub):
    for results in ({"image": "success", "production": "failure"}, {"image": "success", "production": "skipped"}):
        alert(project, hub, "--jobs", "release", NEEDS=needs(**results), GITHUB_RUN_ID="77")

    assert titles(hub) == ["A release failed"]
    assert "| production | failure |" in hub.open("issues")[0]["body"]
    assert "acme/churn/actions/runs/77" in hub.open("issues")[0]["body"]

    alert(project, hub, "--jobs", "release", NEEDS=needs(image="success", production="success"))

    assert titles(hub) == []


def test_monitoring_has_recovered_when_it_runs_and_has_nothing_to_retrain(project, hub):
    for results in ({"monitor": "failure", "retrain": "skipped"}, {"monitor": "success", "retrain": "skipped"}):
        alert(project, hub, "--jobs", "monitor", NEEDS=needs(**results))

    assert titles(hub) == []
    assert len(hub.issues) == 1


def test_a_workflow_whose_failure_has_no_issue_is_named(project, hub):
    done = alert(project, hub, "--jobs", "relase", NEEDS=needs(a="failure"))

    assert done.returncode == 1
    assert "JOBS is one of release, monitor, reproduce, newest, batch, not relase" in done.stderr


def test_a_fork_without_issues_passes_until_there_is_a_problem(project, hub):
    hub.has_issues = False

    calm = alert(project, hub, "--jobs", "newest", NEEDS=needs(newest="success"))
    trouble = alert(project, hub, "--jobs", "newest", NEEDS=needs(newest="failure"))

    assert (calm.returncode, trouble.returncode) == (0, 1)
    assert "Features → Issues" in trouble.stderr


def test_the_chat_gets_a_message_at_the_start_and_the_end_of_a_problem(project, hub, chat):
    said, url, _ = chat
    for verdict in ("drift", "drift", "stable", "stable"):
        alert(project, hub, monitor={"verdict": verdict}, ALERT_WEBHOOK=url)

    assert [line["text"].split(": ")[1].split(":")[0] for line in said] == ["Drift", "closed"]
    assert "https://github.com/acme/churn/issues/" in said[0]["text"]


def test_a_chat_that_refuses_gives_an_error_without_its_address(project, hub, chat):
    _, url, answer = chat
    answer["status"] = 404

    done = alert(project, hub, monitor={"verdict": "drift"}, ALERT_WEBHOOK=url)

    assert done.returncode == 1
    assert "ALERT_WEBHOOK answered 404" in done.stderr
    assert "secret" not in done.stderr
    assert titles(hub) == ["Drift"]


def test_a_chat_that_is_down_gives_an_error_without_its_address(project, hub):
    url = "http://127.0.0.1:1/hook/secret"

    done = alert(project, hub, monitor={"verdict": "drift"}, ALERT_WEBHOOK=url)

    assert done.returncode == 1
    assert "ALERT_WEBHOOK did not respond" in done.stderr
    assert "secret" not in done.stderr


def test_without_a_token_the_message_names_the_variable(project, hub):
    done = alert(project, hub, monitor={"verdict": "drift"}, GITHUB_TOKEN="")

    assert done.returncode == 1
    assert "GITHUB_TOKEN" in done.stderr


def test_without_a_verdict_the_message_names_the_command(project, hub):
    done = alert(project, hub)

    assert done.returncode == 1
    assert "monitor.json is missing" in done.stderr
