"""The jobs that a change needs, and the conditions of a required check."""

import pytest
import yaml

from ml.github import ci
from tests.conftest import ROOT

DONE = {"result": "success"}
PLAN = {"result": "success", "outputs": {"tests": "true", "pipeline": "false", "workflows": "false"}}


ALL, MODEL = {"pipeline", "tests", "workflows"}, {"pipeline", "prove", "fast"}


@pytest.mark.parametrize(
    ("paths", "needed"),
    [
        (["docs/gates.md", "README.md", "LICENSE"], set()),
        (["params.yaml"], MODEL),
        (["data.dvc", "dvc.lock", "build/metrics.json", ".dvc/remote/files/md5/00/11"], MODEL),
        (["src/features.py"], MODEL),
        (["docs/gates.md", "src/ml/model/model.py"], ALL),
        (["params.yaml", "Makefile"], ALL),
        ([".github/workflows/release.yml"], {"fast", "workflows"}),
        ([".github/workflows/model.yml"], MODEL | {"workflows"}),
        (["src/ml/github/rest.py", "lab/bench.py"], {"fast", "workflows"}),
        (["params.yaml", "tests/github/double.py"], MODEL | {"workflows"}),
        ([], set()),
        (None, ALL),
    ],
)
def test_a_change_runs_the_jobs_that_it_can_break(paths, needed):
    assert {job for job, wanted in ci.plan(paths).items() if wanted} == needed


@pytest.mark.parametrize("paths", [None, ["src/ml/github/rest.py"], ["Makefile"], [".github/workflows/model.yml"]])
def test_a_fork_never_runs_the_templates_own_tests(paths):
    planned = ci.plan(paths, template=False)

    assert not planned["workflows"]
    assert planned["fast"] or planned["tests"]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("# .parquet or .csv", "# a file"), True),
        (("n_estimators: 150", "n_estimators: 10"), True),
        (("file: data/customers.parquet", "file: data/loans.csv"), False),
        (("max: 600", "max: 700"), False),
    ],
)
def test_a_fork_is_recognised_by_its_data_section(change, same):
    sample = (ROOT / "tests" / "world" / "params.yaml").read_text()
    assert sample.replace(*change) != sample

    assert ci.same_data(sample.replace(*change), sample) == same


def test_without_the_sample_everything_is_a_fork():
    assert not ci.same_data("", "")


@pytest.mark.parametrize(
    ("needs", "wrong"),
    [
        ({"plan": PLAN, "tests": DONE, "pipeline": {"result": "skipped"}, "lint": DONE}, set()),
        ({"plan": PLAN, "tests": {"result": "failure"}, "pipeline": {"result": "skipped"}}, {"tests"}),
        ({"plan": PLAN, "tests": {"result": "skipped"}}, {"tests"}),  # a job that was skipped by mistake
        ({"plan": PLAN, "tests": {"result": "cancelled"}}, {"tests"}),
        ({"plan": PLAN, "pipeline": DONE}, {"pipeline"}),  # it was not planned: the plan is not what ran
        ({"plan": {"result": "failure"}, "tests": {"result": "skipped"}}, {"plan", "tests"}),
    ],
)
def test_the_check_passes_if_every_job_has_its_planned_result(needs, wrong):
    assert set(ci.faults(needs)) == wrong


def test_a_failed_step_names_the_command_that_reproduces_it():
    assert "make smoke" in ci.advice("pipeline", "Start the image and check it")
    assert "make prove" in ci.advice("prove", "Plant a fault for each gate")
    assert "make run" in ci.advice("pipeline", "Build, judge, report")


def workflow(name):
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())["jobs"]


def test_every_step_with_advice_of_its_own_is_a_step_of_the_pipeline_job():
    assert {step["name"] for step in workflow("model")["pipeline"]["steps"]} >= ci.NEXT_OF_STEP.keys()


def test_the_plan_decides_about_the_jobs_with_advice_in_both_workflows():
    jobs = {key: job["name"] for name in ci.CHECKS for key, job in workflow(name).items()}

    assert {key for name in ci.CHECKS for key, job in workflow(name).items() if "needs.plan" in str(job.get("if"))} == {
        *ci.OPTIONAL
    }
    assert all(jobs[key].split()[0].lower() == key for key in ci.NEXT)  # the comment finds advice by the name
    assert {*ci.OPTIONAL, "lint"} == ci.NEXT.keys()


@pytest.mark.parametrize("check", ci.CHECKS)
def test_each_workflow_ends_in_the_required_check_of_its_name(check):
    *others, last = workflow(check)

    assert workflow(check)[last] == workflow(check)[check]
    assert workflow(check)[check]["name"] == check
    assert workflow(check)[check]["needs"] == others
