"""Which jobs a change needs, and when the one required check passes."""

import pytest
import yaml

from ml.github import ci
from tests.conftest import ROOT

DONE = {"result": "success"}
PLAN = {"result": "success", "outputs": {"tests": "true", "pipeline": "false", "workflows": "false"}}


@pytest.mark.parametrize(
    ("paths", "needed"),
    [
        (["docs/gates.md", "README.md", "LICENSE"], set()),
        (["params.yaml"], {"tests", "pipeline"}),
        (["docs/gates.md", "src/ml/model/model.py"], {"tests", "pipeline"}),
        ([".github/workflows/ci.yml"], {"tests", "pipeline", "workflows"}),
        (["src/ml/github/api.py"], {"tests", "pipeline", "workflows"}),
        ([], set()),
        (None, {"tests", "pipeline", "workflows"}),
    ],
)
def test_a_change_gets_the_jobs_it_can_break(paths, needed):
    assert {job for job, wanted in ci.plan(paths).items() if wanted} == needed


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
def test_the_check_passes_when_every_job_came_out_as_planned(needs, wrong):
    assert set(ci.faults(needs)) == wrong


def test_a_failed_step_says_which_command_shows_it_here():
    assert "make smoke" in ci.advice("pipeline", "Start the image and check it")
    assert "make prove" in ci.advice("pipeline", "Prove the gates")
    assert "make run" in ci.advice("pipeline", "Build, judge, report")


def test_every_step_with_advice_of_its_own_is_a_step_of_the_pipeline_job():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]

    assert {step["name"] for step in jobs["pipeline"]["steps"]} >= ci.NEXT_OF_STEP.keys()
