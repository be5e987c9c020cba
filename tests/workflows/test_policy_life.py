"""Our rules for the workflows that act by themselves: who may write, who tells, who waits for whom."""

import json
import re

import pytest

from ml.github import alerts
from ml.params import read_params
from tests.conftest import ROOT
from tests.workflows.test_policy import WORKFLOWS, jobs, load, steps

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
ACTING = {"issues", "pull-requests", "actions", "statuses", "packages", "id-token", "attestations"}
OPENING = {"run", "register", "image", "deploy", "promote", "rollback", "monitor", "traffic", "retrain", "reproduce"}


def runs(path):
    return [step.get("run", "") for step in steps(path)]


@each_workflow
def test_what_runs_by_itself_tells_when_it_fails(path):
    if {"schedule", "push"} & set(load(path)["on"]) and path.stem != "template":
        assert f"make alert JOBS={path.stem}" in runs(path)
        tell = load(path)["jobs"]["tell"]
        assert alerts.PROOF[path.stem] in tell["needs"]
        assert "NEEDS" in str(tell)


def test_another_workflow_than_monitoring_says_when_monitoring_is_silent():
    asking = {path.name for path in WORKFLOWS if "make alert SCHEDULE=1" in runs(path)}

    assert asking - {read_params(ROOT / "params.yaml").alert.workflow}


def test_each_right_to_act_is_with_the_one_job_that_needs_it():
    found = {
        f"{path.stem}.{name}": {right for right, kind in job["permissions"].items() if kind == "write"} & ACTING
        for path in WORKFLOWS
        for name, job in jobs(path)
    }

    assert {job: rights for job, rights in found.items() if rights} == {
        "report.comment": {"pull-requests"},
        "release.image": {"packages", "id-token", "attestations"},
        "monitor.retrain": {"pull-requests", "issues", "actions", "statuses"},
        **{f"{name}.tell": {"issues"} for name in ("release", "monitor", "reproduce", "canary")},
    }


@each_workflow
def test_who_opens_a_registry_that_may_be_a_server_has_its_password(path):
    for step in steps(path) if "MLFLOW_TRACKING_URI" in load(path).get("env", {}) else ():
        if OPENING & set(re.findall(r"make ([\w-]+)", step.get("run", ""))):
            assert "MLFLOW_TRACKING_PASSWORD" in step.get("env", {}), step["name"]


@each_workflow
def test_who_reads_the_prediction_log_has_the_packages_for_databases_and_buckets(path):
    for name, job in jobs(path):
        if "${{ secrets.PREDICTION_LOG }}" in str(job):
            assert {"target": "setup"} in [step.get("with") for step in job["steps"]], name


@each_workflow
def test_who_changes_production_takes_turns(path):
    for name, job in jobs(path):
        if job.get("environment") == "production":
            assert job["concurrency"] == {"group": "production", "cancel-in-progress": "false"}, name


@each_workflow
def test_schedules_avoid_the_full_hour(path):
    crons = [entry["cron"] for entry in load(path)["on"].get("schedule", [])]

    assert all(int(cron.split()[0]) % 15 for cron in crons)


def test_jobs_of_the_template_itself_ask_whether_they_are_there():
    assert all(
        job["if"] == "github.event.repository.is_template" for _, job in jobs(WORKFLOWS[0].parent / "template.yml")
    )


def test_the_check_that_the_ruleset_requires_is_a_job_of_ci():
    text = json.dumps(json.loads((ROOT / "rulesets" / "main.json").read_text()))
    required = re.findall(r'"context": "([^"]+)"', text)

    assert required == [load(ROOT / ".github/workflows/ci.yml")["jobs"]["ci"]["name"]]


@each_workflow
def test_the_documents_have_a_section_with_its_proof(path):
    text = (ROOT / "docs" / "workflows.md").read_text()
    section = re.search(rf"\n## {path.stem}\n(.*?)\n## ", text, re.DOTALL)

    assert section, f"docs/workflows.md has no section {path.stem}"
    assert path.stem == "template" or "*Proven*" in section[1]
