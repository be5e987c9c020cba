"""The pull request of a retraining is unique and complete, also if the process is killed at any point."""

import json
import os
import subprocess
import sys
import threading

import pytest
import yaml

from ml.github import alerts, github
from ml.github.rest import call
from ml.io.errors import UserError
from ml.stages import propose as stage
from tests.conftest import ROOT
from tests.github.double import APP, PERSON, Hub
from tests.retrain.conftest import DAY, finished, git, record, repository

CODE = {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
TESTED = {"TESTS": "success"}  # how the step before came out


@pytest.fixture
def hub(clone):
    with Hub(origin=clone.parent / "origin.git") as running:
        yield running


def propose(clone, hub, **environment):
    """A finished `make propose`."""
    return finished(stage.main, clone, hub.environment(**TESTED | environment))


def killed(clone, hub, call):
    """Run `make propose` and kill it (SIGKILL) after call number `call` is done, before it is answered."""
    started, process = threading.Event(), []

    def kill():
        started.wait(10)
        process[0].kill()
        process[0].wait()

    hub.hooks.clear()
    hub.on_call(call, kill, before=call == 1)  # after the push and before anything else
    variables = os.environ | CODE | TESTED | hub.environment()
    command = [sys.executable, "-m", "ml.stages.propose"]
    process.append(
        subprocess.Popen(command, cwd=clone, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    )
    started.set()
    code = process[0].wait()
    hub.hooks.clear()
    return code == -9


def older_trouble(clone, hub):
    """An open pull request of the previous day, and an open issue about a refused retraining."""
    git(clone, "push", "-q", "origin", f"retrain/{DAY}:refs/heads/retrain/2026-11-01")
    connected = github.connect(hub.environment())
    github.pull_request(connected, "retrain/2026-11-01", "main", "Retrain", "older")
    github.issue(connected, alerts.REFUSED, alerts.TITLES[alerts.REFUSED], "worse")
    hub.calls.clear()


def state(hub):
    """The state of GitHub, without numbers and times."""
    return {
        "branch": hub.head(f"retrain/{DAY}"),
        "pulls": sorted((p["head"]["ref"], p["state"], p["title"]) for p in hub.pulls.values()),
        "labels": [[own["name"] for own in p["labels"]] for p in hub.open()],
        "bodies": [p["body"] for p in hub.open()],
        "issues": sorted((i["title"], i["state"]) for i in hub.issues.values() if "pull_request" not in i),
        "comments": sorted(c["body"].split("#")[0] for c in hub.comments.values()),
        "statuses": [(s["context"], s["state"]) for s in hub.statuses],
        "dispatches": hub.dispatches,
    }


def granted():
    """The permissions of the retraining job in monitor.yml."""
    text = (ROOT / ".github" / "workflows" / "monitor.yml").read_text()
    return yaml.safe_load(text)["jobs"]["retrain"]["permissions"]


def test_the_pull_request_carries_branch_title_label_and_the_required_check(clone, hub):
    record(clone)

    done = propose(clone, hub)

    assert done.returncode == 0, done.stderr
    assert hub.open()[0]["html_url"] in done.stdout
    assert state(hub) | {"bodies": 0} == {
        "branch": git(clone, "rev-parse", f"retrain/{DAY}"),
        "pulls": [(f"retrain/{DAY}", "open", f"Retrain churn with 5,000 fresh rows ({DAY})")],
        "labels": [["retraining"]],
        "bodies": 0,
        "issues": [],
        "comments": [],
        "statuses": [("model", "success"), ("code", "success")],
        "dispatches": [],
    }
    assert "`model` is a status of this commit: 1 of 1 gate" in hub.open()[0]["body"]
    assert "`code` is a status of this commit: the fast tests passed on main" in hub.open()[0]["body"]


def test_its_pull_request_can_be_merged_where_the_check_is_required(clone, hub):
    """With the permissions of the workflow's job, and only that status: no run satisfies the rule here."""
    hub.rulesets[1] = json.loads((ROOT / ".github" / "rulesets" / "main.json").read_text())
    hub.permissions = granted()
    record(clone)
    propose(clone, hub)
    owner = github.connect(hub.environment(PERSON))
    [pull] = hub.open()

    statuses, hub.statuses[:] = [*hub.statuses], []
    with pytest.raises(UserError, match='Required status check "model" is expected'):
        call(owner, "PUT", f"/pulls/{pull['number']}/merge")
    hub.statuses[:] = statuses
    call(owner, "PUT", f"/pulls/{pull['number']}/merge")

    assert pull["merged"]


@pytest.mark.parametrize(
    ("outcome", "states", "told"),
    [
        ("failure", ["success", "failure"], "`code` is a status of this commit: the fast tests fail on main"),
        ("", ["success"], "`code` has no status: no tests ran in this job. Press *Approve"),
    ],
)
def test_no_tests_give_no_status_and_failed_tests_a_failed_one(clone, hub, outcome, states, told):
    record(clone)

    propose(clone, hub, TESTS=outcome)

    assert [status["state"] for status in hub.statuses] == states
    assert told in hub.open()[0]["body"]


@pytest.mark.parametrize("changed", ["params.yaml", ".gitignore"])  # another setting; a file moved into build/
def test_a_commit_that_changes_more_than_data_gets_no_status(clone, hub, changed):
    record(clone)
    git(clone, "switch", "-q", f"retrain/{DAY}")
    if changed == ".gitignore":
        git(clone, "mv", changed, "build/ignored")
    else:
        (clone / changed).write_text("gates: {}")
        git(clone, "add", changed)
    git(clone, "-c", "user.email=retrain@localhost", "commit", "-q", "--amend", "-m", "retrained, with other gates")
    git(clone, "switch", "-q", "main")
    record(clone)

    done = propose(clone, hub)

    assert done.returncode == 0, done.stderr
    assert hub.statuses == []
    assert f"changes more than data and its build ({changed})" in hub.open()[0]["body"]


def test_a_job_that_ran_older_code_than_its_base_has_posts_no_status(clone, hub):
    """A job that runs again has the commit of its first attempt, and retrains from the newest main."""
    record(clone)
    git(clone, "switch", "-q", "--detach", "main")
    git(clone, "commit", "-q", "--allow-empty", "-m", "what this job checked out")

    done = propose(clone, hub)

    assert done.returncode == 0, done.stderr
    assert hub.statuses == []
    assert "have no status, because this job ran the code of" in hub.open()[0]["body"]


@pytest.mark.slow
def test_a_status_without_permission_is_reported_and_stops_nothing(clone, hub):
    record(clone)
    hub.permissions = granted() | {"statuses": "read"}

    done = propose(clone, hub)

    assert done.returncode == 0, done.stderr
    assert "`model` could not be posted as a status" in hub.open()[0]["body"]


@pytest.mark.slow
def test_the_next_run_completes_the_work_after_a_kill_between_any_two_calls(tmp_path):
    clone, expected, call = repository(tmp_path), None, 0
    record(clone)
    while True:
        for branch in (f"retrain/{DAY}", "retrain/2026-11-01"):
            subprocess.run(["git", "-C", str(tmp_path / "origin.git"), "branch", "-qD", branch], check=False)
        with Hub(origin=tmp_path / "origin.git") as hub:
            older_trouble(clone, hub)
            stopped = call and killed(clone, hub, call)
            done = propose(clone, hub)

            assert done.returncode == 0, done.stderr
            assert len(hub.open()) == 1
            expected = expected or state(hub)
            assert state(hub) == expected, f"killed at call {call}"
            if call and not stopped:
                assert call > 15
                return
        call += 1


@pytest.mark.slow
def test_runs_killed_after_every_call_complete_the_work_together(clone, hub):
    record(clone)
    older_trouble(clone, hub)
    runs = 0
    while killed(clone, hub, len(hub.calls) + 3 + runs // 2):
        runs += 1

    assert runs > 5
    assert [p["head"]["ref"] for p in hub.open()] == [f"retrain/{DAY}"]
    assert hub.open("issues") == []
    assert len(hub.statuses) == 2


def test_the_next_retraining_closes_the_last_one_as_superseded(clone, hub):
    older_trouble(clone, hub)
    record(clone)

    propose(clone, hub)

    new = hub.open()[0]["number"]
    assert [p["state"] for p in hub.pulls.values()] == ["closed", "open"]
    assert any(f"Superseded by #{new}" in c["body"] for c in hub.comments.values())
    assert hub.open("issues") == []


@pytest.mark.slow
def test_newer_rows_on_the_same_day_update_the_pull_request(clone, hub):
    record(clone)
    propose(clone, hub)
    git(clone, "switch", "-q", f"retrain/{DAY}")
    git(clone, "-c", "user.email=retrain@localhost", "commit", "-q", "--amend", "-m", "retrained again")
    git(clone, "switch", "-q", "main")
    record(clone, rows=record(clone)["rows"] | {"fresh": 6000})

    propose(clone, hub)

    assert len(hub.pulls) == 1
    assert "6,000 fresh rows" in hub.open()[0]["title"]
    assert hub.head(f"retrain/{DAY}") == git(clone, "rev-parse", f"retrain/{DAY}")
    assert len({status["sha"] for status in hub.statuses}) == 2


def test_commits_of_a_person_on_the_branch_are_never_overwritten(clone, hub):
    record(clone)
    propose(clone, hub)
    theirs = git(clone, "commit-tree", f"retrain/{DAY}^{{tree}}", "-p", f"retrain/{DAY}", "-m", "my fix")
    git(clone, "push", "-q", "origin", f"{theirs}:refs/heads/retrain/{DAY}")

    done = propose(clone, hub)

    assert done.returncode == 1
    assert "holds commits by ann@example.com" in done.stderr
    assert hub.head(f"retrain/{DAY}") == theirs


def test_an_app_token_triggers_ordinary_events_and_no_status_is_set(clone, hub):
    record(clone)

    propose(clone, hub, APP_TOKEN=APP)

    assert hub.statuses == []
    assert [(run["event"], run["status"]) for run in hub.runs.values()] == [("pull_request", "queued")] * 2
    assert "automatically" in hub.open()[0]["body"]
    assert hub.open()[0]["user"]["login"] == "churn-app[bot]"


def test_if_workflows_may_not_open_pull_requests_an_issue_has_the_link(clone, hub):
    record(clone)
    hub.actions_may_open_pulls = False

    first, again = propose(clone, hub), propose(clone, hub)

    assert (first.returncode, again.returncode, len(hub.pulls)) == (0, 0, 0)
    (issue,) = hub.open("issues")
    assert f"https://github.com/acme/churn/compare/main...retrain/{DAY}?expand=1" in issue["body"]
    assert "Champion against challenger" in issue["body"]

    hub.actions_may_open_pulls = True
    propose(clone, hub)

    assert (len(hub.open()), hub.open("issues")) == (1, [])


def test_a_refused_model_gets_an_issue_with_the_reason_and_no_pull_request(clone, hub):
    record(clone, outcome="refused", reasons=["worse on 990 fresh test rows: roc_auc 0.80 against 0.91"])

    done = propose(clone, hub)

    (issue,) = hub.open("issues")
    assert (done.returncode, hub.pulls, hub.head(f"retrain/{DAY}")) == (0, {}, None)
    assert issue["title"].startswith("Refused")
    assert "roc_auc 0.80 against 0.91" in issue["body"]


def test_rows_that_broke_the_contract_are_named_in_the_issue(clone, hub):
    rows = {"fresh": 10, "quarantined": 90, "why": {"plan: not a level in the contract": 90}}
    full = record(clone)
    lean = {key: full[key] for key in ("project", "date", "base", "base_commit", "branch", "policy")}
    (clone / "build" / "retrain.json").write_text(
        json.dumps(lean | {"outcome": "refused", "reasons": ["90 of 100 rows"], "rows": rows})
    )

    propose(clone, hub)

    assert "| plan: not a level in the contract | 90 |" in hub.open("issues")[0]["body"]


def test_within_the_cooldown_nothing_is_sent_to_github(clone, hub):
    record(clone, outcome="waiting", reasons=["the last proposal is from 2026-11-20"])

    done = propose(clone, hub)

    assert (done.returncode, hub.calls) == (0, [])


def test_without_a_token_the_message_names_the_variable(clone, hub):
    record(clone)

    done = propose(clone, hub, GITHUB_TOKEN="")

    assert done.returncode == 1
    assert "GITHUB_TOKEN" in done.stderr
