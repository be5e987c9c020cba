"""Which jobs a change needs, and when the one required check passes."""

import pytest

from ml import ci

DONE = {"result": "success"}
PLAN = {"result": "success", "outputs": {"tests": "true", "pipeline": "false", "workflows": "false"}}


@pytest.mark.parametrize(
    ("paths", "needed"),
    [
        (["docs/gates.md", "README.md", "LICENSE"], set()),
        (["params.yaml"], {"tests", "pipeline"}),
        (["docs/gates.md", "src/ml/model.py"], {"tests", "pipeline"}),
        ([".github/workflows/ci.yml"], {"tests", "pipeline", "workflows"}),
        (["src/ml/github_api.py"], {"tests", "pipeline", "workflows"}),
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
