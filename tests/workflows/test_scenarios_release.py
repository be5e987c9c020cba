"""From a merge to the champion and back: a release that fails, crashes, succeeds, and is rolled back by a person."""

import json
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
import yaml

from ml.registry import ledger
from ml.registry.embedded_home import loads
from tests.workflows.again import rerun
from tests.workflows.runner import ABOUT, HERE, git

pytestmark = [pytest.mark.slow, pytest.mark.template, pytest.mark.timeout(1800)]  # minutes on a busy machine

JOBS = {"version", "image", "attest", "staging", "approval", "production", "tell"}


def results(jobs, **others):
    return dict.fromkeys(jobs, "success") | others


def registry(scenario):
    """The registry on origin."""
    return ledger.fold(loads(git(scenario.origin, "show", "mlflow:ledger.jsonl").encode(), "ledger.jsonl"))


def merge(scenario, changes):
    """Merge a pull request with another model, built and pushed to the DVC remote like by a developer."""
    with (scenario.folder / "Makefile").open("a") as file:
        file.write((HERE / "engine.mk").read_text())
    scenario.build(changes)
    subprocess.run([f"{sys.prefix}/bin/dvc", "push", "--quiet", "--run-cache"], cwd=scenario.folder, check=True)
    shutil.rmtree(scenario.folder / ".dvc" / "cache")
    git(scenario.folder, "add", "--all")
    git(scenario.folder, "commit", "--quiet", "--message=another model")
    git(scenario.folder, "push", "--quiet", str(scenario.origin), "main")


def release(scenario, event="push"):
    return scenario.act("release.yml", event, {"ref": "refs/heads/main", "repository": ABOUT})


def serves(scenario, environment):
    """The model in the image of an environment."""
    path = scenario.store / f"serves-{environment}"
    return json.loads(path.read_text())["digest"].rpartition(":")[2] if path.exists() else None


@contextmanager
def refusing_the_registry(scenario):
    """Let origin refuse pushes to the registry branch, like a protected branch."""
    hook = scenario.origin / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ntest "$1" != refs/heads/mlflow\n')
    hook.chmod(0o755)
    yield
    hook.unlink()


def issues(scenario, state="open"):
    return [i["title"] for i in scenario.hub.issues.values() if "pull_request" not in i and i["state"] == state]


def test_a_release_waits_fails_crashes_goes_well_and_is_taken_back(scenario):
    """It ends at staging until PRODUCTION is yes; failures keep image and champion; a success moves the champion."""
    merge(scenario, {"params.yaml": "n_estimators: 30 -> n_estimators: 28"})
    first = registry(scenario).version(1).model
    (scenario.store / "serves-production").write_text(json.dumps({"digest": f"ghcr.io/acme/churn@sha256:{first}"}))
    broken, crash = scenario.store / "break-production", scenario.store / "crash-production"

    waits = release(scenario)

    state = registry(scenario)
    assert waits.jobs == results(JOBS, approval="skipped", production="skipped")
    assert "train:" in waits.said("version")  # whatever the DVC remote has
    assert "# ✅ churn: the model passes its gates" in waits.summaries["version"]
    assert state.aliases == {"champion": 1, "challenger": 2}  # the champion is the one from before
    assert serves(scenario, "production") == first
    assert serves(scenario, "staging") == state.version(2).model
    assert issues(scenario) == []

    scenario.settings["PRODUCTION"] = "yes"
    broken.touch()
    outcome = rerun(scenario, waits, "staging")

    assert outcome.jobs == results(JOBS, production="failure")
    assert (registry(scenario), serves(scenario, "production")) == (state, first)
    assert issues(scenario) == ["A release failed"]
    assert "| production | failure |" in next(iter(scenario.hub.issues.values()))["body"]

    broken.unlink()
    with refusing_the_registry(scenario):
        outcome = rerun(scenario, outcome, "production")

    assert outcome.jobs == results(JOBS, production="failure")
    assert outcome.steps["production"]["Deploy by a canary; roll back on failure"] == "success"
    assert outcome.steps["production"]["Promote the champion"] == "success"
    assert outcome.steps["production"]["Roll back image and champion"] == "success"
    assert "version 1 is champion again" in outcome.said("production")
    assert (registry(scenario), serves(scenario, "production")) == (state, first)
    assert issues(scenario) == ["A release failed"]

    crash.touch()
    rerun(scenario, outcome, "production")

    assert serves(scenario, "production") == state.version(2).model
    assert registry(scenario).aliases == state.aliases  # it died between deployment and promotion

    crash.unlink()
    outcome = release(scenario, "workflow_dispatch")

    state = registry(scenario)
    assert outcome.jobs == results(JOBS)
    assert state.aliases == {"champion": 2, "previous": 1}
    assert [event.action for event in state.events] == ["register", "promote", "register", "promote"]  # nothing twice
    assert serves(scenario, "production") == state.version(2).model
    assert (issues(scenario), issues(scenario, "closed")) == ([], ["A release failed"])

    outcome = scenario.act("rollback.yml", "workflow_dispatch", {"inputs": {"to": "", "reason": "odd scores"}})

    state = registry(scenario)
    assert outcome.jobs == {"approval": "success", "rollback": "success"}
    assert state.aliases == {"champion": 1, "previous": 2}
    assert state.events[-1].reason == "odd scores"
    assert serves(scenario, "production") == first


# Where the promotion is cancelled, the registry has nothing to take back: test_rollback_deployed.py has that command.
CANCELLED = """
promote:
\t@test -z "$$CHECK" || exit 0; \\
\tpid=$$$$; while [ "$$(ps -o comm= -p $$pid)" != act ]; do pid=$$(ps -o ppid= -p $$pid | tr -d ' '); done; \\
\tkill -INT $$pid; sleep 60
rollback:
\t@$(TOLD)
\t@cp "$$STUB_STORE/served-$(ENV)" "$$STUB_STORE/serves-$(ENV)"
"""


def test_a_release_that_a_person_cancels_after_its_deployment_goes_back(scenario):
    """The job `production` alone: its promotion is cancelled, and the image from before serves again."""
    with (scenario.folder / "Makefile").open("a") as file:
        file.write((HERE / "engine.mk").read_text() + CANCELLED)
    path, workflow = scenario.folder / ".github" / "workflows" / "release.yml", scenario.workflow("release.yml")
    production = {name: part for name, part in workflow["jobs"]["production"].items() if name != "needs"}
    path.write_text(yaml.safe_dump({"on": "push", "env": workflow["env"], "jobs": {"production": production}}))
    git(scenario.folder, "commit", "--quiet", "--all", "--message=production alone")
    before = registry(scenario)
    first = before.version(1).model
    (scenario.store / "serves-production").write_text(json.dumps({"digest": f"ghcr.io/acme/churn@sha256:{first}"}))
    (scenario.store / "artifacts" / "image").mkdir()
    (scenario.store / "artifacts" / "image" / "image.json").write_text(json.dumps({"digest": "sha256:new"}))

    outcome = release(scenario)

    steps = outcome.steps["production"]
    assert steps["Deploy by a canary; roll back on failure"] == "success"
    assert steps["Promote the champion"] == "failure"
    assert steps["Roll back image and champion"] == "success"
    assert steps["Push the registry after the rollback"] == "success"
    assert serves(scenario, "production") == first
    assert registry(scenario).aliases == before.aliases


def test_another_branch_than_the_default_one_is_never_released(scenario):
    """Every job is skipped."""
    outcome = scenario.act("release.yml", "workflow_dispatch", {"ref": "refs/heads/mine"})

    assert outcome.jobs == dict.fromkeys(JOBS, "skipped")
