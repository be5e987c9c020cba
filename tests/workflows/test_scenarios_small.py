"""The workflows that take seconds here: missing settings of a fork, breaking packages, and jobs that forks skip."""

import pytest

from tests.workflows.runner import ABOUT, HERE, git
from tests.workflows.test_scenarios_ci import FEW
from tests.workflows.test_scenarios_release import issues

pytestmark = [pytest.mark.slow, pytest.mark.template]

BROKEN = "def test_that_a_newer_package_breaks():\n    raise AssertionError\n"


def test_the_doctor_is_red_in_a_new_fork_and_says_what_to_do(scenario):
    """The job fails, its summary lists missing and correct settings, and nothing is changed."""
    scenario.hub.workflow_states["monitor.yml"] = "disabled_fork"

    outcome = scenario.act("doctor.yml", "workflow_dispatch", {"repository": ABOUT}, DEPLOY_TARGET="k8s")

    assert outcome.jobs == {"doctor": "failure"}  # as it is until somebody has read it
    assert "| missing | schedule of monitor.yml | off, as in every new fork |" in outcome.summaries["doctor"]
    assert "| missing | main requires the checks model and code |" in outcome.summaries["doctor"]
    assert "| fine | registry | branch mlflow on origin |" in outcome.summaries["doctor"]
    assert not scenario.hub.made("POST|PATCH|PUT|DELETE")


def test_newest_packages_that_break_a_test_and_a_silent_schedule_are_an_issue_each(scenario):
    """Two issues are open: the newest packages break something, and monitoring is silent."""
    with (scenario.folder / "Makefile").open("a") as file:
        # `locks` needs the network, and would change the tests' own packages; other scenarios run `run`.
        file.write((HERE / "engine.mk").read_text() + "\nlocks run:\n\t@echo newest packages\n")
    (scenario.folder / "tests" / "unit" / "test_cli.py").write_text(BROKEN)
    git(scenario.folder, "commit", "--quiet", "--all", "--message=broken")
    scenario.hub.workflow_states["monitor.yml"] = "disabled_inactivity"

    outcome = scenario.act("newest.yml", "schedule", {}, **FEW)

    assert outcome.jobs == {"newest": "failure", "system": "success", "tell": "success"}
    assert sorted(title.split(":")[0] for title in issues(scenario)) == [
        "A test fails with the newest allowed packages", "Silent schedule",
    ]  # fmt: skip


def test_the_templates_own_checks_do_not_run_in_a_fork(scenario):
    """Both jobs are skipped."""
    outcome = scenario.act("template.yml", "push", {"ref": "refs/heads/main", "repository": ABOUT})

    assert outcome.jobs == {"systems": "skipped", "fork": "skipped"}
