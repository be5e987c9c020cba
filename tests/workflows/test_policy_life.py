"""Our rules for workflows that run on their own: write permissions, alerts, and queues."""

import json
import re

import pytest

from ml.github import alerts
from ml.github.ci import CHECKS
from ml.settings.params import read_params
from tests.conftest import ROOT
from tests.workflows.test_policy import WORKFLOWS, jobs, load, steps

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
ACTING = {"issues", "pages", "pull-requests", "actions", "statuses", "packages", "id-token", "attestations"}
OPENING = {
    "run",
    "register",
    "image",
    "deploy",
    "promote",
    "rollback",
    "monitor",
    "traffic",
    "retrain",
    "reproduce",
} | {"score"}


def runs(path):
    return [step.get("run", "") for step in steps(path)]


@each_workflow
def test_scheduled_workflows_report_their_failures(path):
    if {"schedule", "push"} & set(load(path)["on"]) and path.stem not in {
        "template",
        "docs",
    }:  # nothing serves from these
        assert f"make alert JOBS={path.stem}" in runs(path)
        tell = load(path)["jobs"]["tell"]
        assert alerts.PROOF[path.stem] in tell["needs"]
        assert "NEEDS" in str(tell)


def test_another_workflow_reports_silent_monitoring():
    asking = {path.name for path in WORKFLOWS if "make alert SCHEDULE=1" in runs(path)}

    assert asking - {read_params(ROOT / "params.yaml").alert.workflow}


def test_each_write_permission_belongs_to_the_job_that_needs_it():
    found = {
        f"{path.stem}.{name}": {right for right, kind in job["permissions"].items() if kind == "write"} & ACTING
        for path in WORKFLOWS
        for name, job in jobs(path)
    }

    assert {job: rights for job, rights in found.items() if rights} == {
        "report.comment": {"pull-requests"},
        "docs.publish": {"pages", "id-token"},
        "release.image": {"packages"},
        "release.attest": {"id-token", "attestations"},
        "monitor.retrain": {"pull-requests", "issues", "statuses"},
        **{f"{name}.tell": {"issues"} for name in ("release", "monitor", "reproduce", "newest", "batch")},
    }


@each_workflow
def test_a_job_that_can_sign_runs_actions_of_github_alone(path):
    """Any code in such a job, as of a package that it installs, could request a signature for something else."""
    for name, job in jobs(path):
        if "id-token" in job["permissions"]:
            assert {step.get("uses", "").split("/")[0] for step in job["steps"]} == {"actions"}, name


@each_workflow
def test_jobs_that_open_the_registry_have_the_servers_password(path):
    for step in steps(path) if "MLFLOW_TRACKING_URI" in load(path).get("env", {}) else ():
        if OPENING & set(re.findall(r"make ([\w-]+)", step.get("run", ""))):
            assert "MLFLOW_TRACKING_PASSWORD" in step.get("env", {}), step["name"]


@each_workflow
def test_jobs_that_read_the_prediction_log_have_the_packages_for_databases_and_buckets(path):
    for name, job in jobs(path):
        if "${{ secrets.PREDICTION_LOG }}" in str(job):
            assert {"target": "setup"} in [step.get("with") for step in job["steps"]], name


@each_workflow
def test_who_changes_production_takes_turns_and_waits_for_nobodys_word(path):
    """A job that waits for its approval blocks its group, so the approval job is in no group and does nothing."""
    turns = {"group": "production", "cancel-in-progress": "false", "queue": "max"}
    for name, job in jobs(path):
        text = " ".join(step.get("run", "") for step in job["steps"])
        if job.get("environment") == "production":
            assert (name, text, job["permissions"]) == (alerts.ASKS, "echo approved", {})
            assert "concurrency" not in job
        if "ENV=production" in text:
            assert job["concurrency"] == turns, name
            assert alerts.ASKS in job["needs"], name


@each_workflow
def test_what_changes_the_world_runs_on_the_default_branch_alone(path):
    """Anyone who may start a workflow by hand may choose any branch."""
    first = next(iter(load(path)["jobs"].values()))
    asks = "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)"

    if path.stem in {"release", "rollback", "monitor", "batch"}:
        assert asks in first["if"]


def test_production_waits_for_somebodys_yes():
    """The first push of a repository made from the template triggers `push`: it deploys at most to staging."""
    release = load(ROOT / ".github/workflows/release.yml")["jobs"]

    assert release["approval"]["if"] == "vars.PRODUCTION == 'yes'"
    assert "approval" in release["production"]["needs"]
    assert "if" not in release["production"]  # one that runs although the others did not would go round it


def test_the_pushed_image_is_the_tested_and_scanned_one():
    commands = [step.get("run") for step in load(ROOT / ".github/workflows/release.yml")["jobs"]["image"]["steps"]]

    assert [c for c in commands if c] == ["make image-login", "make image", "make smoke", "make scan", "make push"]


@each_workflow
def test_no_waiting_run_is_dropped_that_a_later_one_does_not_replace(path):
    """A run with an input, or about another run, does what no other run does; so does each release."""
    asked = load(path)["on"]
    own = "workflow_run" in asked or (asked["workflow_dispatch"] or {}).get("inputs")

    assert (load(path)["concurrency"].get("queue") == "max") == bool(own or path.stem == "release")


def test_batch_scores_nothing_by_schedule_before_there_is_a_table():
    """Otherwise each new repository, which has no champion, would get a failed run and an issue each month."""
    asks = load(ROOT / ".github/workflows/batch.yml")["jobs"]["score"]["if"]

    assert "(github.event_name == 'schedule' && vars.BATCH_DATA != '')" in asks


@each_workflow
def test_schedules_avoid_the_full_hour(path):
    crons = [entry["cron"] for entry in load(path)["on"].get("schedule", [])]

    assert all(int(cron.split()[0]) % 15 for cron in crons)


def test_jobs_of_the_template_run_only_if_their_files_exist():
    assert all(
        job["if"] == "github.event.repository.is_template" for _, job in jobs(WORKFLOWS[0].parent / "template.yml")
    )


def test_the_checks_that_the_ruleset_requires_are_those_of_the_plan():
    text = json.dumps(json.loads((ROOT / ".github" / "rulesets" / "main.json").read_text()))
    required = re.findall(r'"context": "([^"]+)"', text)

    assert required == [*CHECKS]


@each_workflow
def test_the_documents_have_a_section_with_its_proof(path):
    text = (ROOT / "docs" / "workflows.md").read_text()
    section = re.search(rf"\n## {path.stem}\n(.*?)\n## ", text, re.DOTALL)

    assert section, f"docs/workflows.md has no section {path.stem}"
    assert path.stem == "template" or "*Tests*" in section[1]


def test_an_old_release_that_runs_again_stops_before_it_deploys():
    """A run can be started again for 30 days, with the commit and the outputs of then."""
    release = load(ROOT / ".github/workflows/release.yml")["jobs"]
    deploying = release["production"]["steps"]
    names = [step["name"] for step in deploying]
    [check] = [step for step in deploying if "CHECK" in step.get("env", {})]

    assert check["run"] == "make promote"
    assert check["env"]["CHECK"] == "${{ needs.version.outputs.before || 'none' }}"
    assert names.index("Fetch the registry") < names.index(check["name"])
    assert names.index(check["name"]) < names.index("Deploy by a canary; roll back on failure")
    assert "before" in release["version"]["outputs"]


def guarded(jobs_, name):
    """Whether a job runs only on the default branch: by its own condition, or by that of a job that it needs."""
    job = jobs_[name]
    condition = job.get("if", "")
    if "github.event.repository.default_branch" in condition:
        return True
    needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
    if "always()" in condition:  # a needed job that was skipped does not skip this one
        needs = re.findall(r"needs\.(\w+)\.result != 'skipped'", condition)
    return any(guarded(jobs_, need) for need in needs)


@each_workflow
def test_who_starts_a_workflow_by_hand_on_a_branch_changes_nothing_with_it(path):
    """Code of the branch would write with the token: to issues, comments, packages, or the registry branch."""
    writing = [name for name, job in jobs(path) if "write" in job["permissions"].values()]

    assert [name for name in writing if not guarded(load(path)["jobs"], name)] == []


def test_a_release_that_is_cancelled_after_its_deployment_goes_back_as_one_that_fails_does():
    """`failure()` is false if a person cancels the run or its time is over."""
    steps_ = {
        step["name"]: step for step in load(ROOT / ".github/workflows/release.yml")["jobs"]["production"]["steps"]
    }

    for name in ("Roll back image and champion", "Push the registry after the rollback"):
        assert "(failure() || cancelled())" in steps_[name]["if"]
    assert "steps.promote.outcome != 'success'" in steps_["Roll back image and champion"]["if"]  # nothing that is done
