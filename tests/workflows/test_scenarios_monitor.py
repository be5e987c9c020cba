"""Scheduled monitoring: customers without a change, and customers with drift."""

import pytest

from tests.workflows.runner import git
from tests.workflows.test_scenarios_ci import FEW

pytestmark = [pytest.mark.slow, pytest.mark.template, pytest.mark.timeout(1800)]  # minutes on a busy machine

QUIET, DRIFTED = "13-14", "13-17"  # months of the sample world


def watch(scenario, months, **variables):
    """The result of monitor.yml after simulated customers of these months."""
    return scenario.act("monitor.yml", "workflow_dispatch", {"inputs": {"months": months}}, **FEW, **variables)


def issues(scenario):
    return sorted(issue["title"].split(":")[0] for issue in scenario.hub.open("issues"))


def branches(scenario):
    return git(scenario.origin, "for-each-ref", "--format=%(refname:short)", "refs/heads/retrain").split()


def test_a_quiet_month_changes_nothing_and_a_drifted_one_opens_a_pull_request(scenario):
    """Stable: one more verdict, nothing else; drift: one pull request with both required checks, and no alert."""
    quiet = watch(scenario, QUIET)

    assert quiet.jobs == {"monitor": "success", "retrain": "skipped", "tell": "success"}
    assert "STABLE" in quiet.said("monitor")
    assert (issues(scenario), scenario.hub.open(), branches(scenario)) == ([], [], [])
    assert "\n" not in git(scenario.origin, "show", "mlflow:monitoring.jsonl")  # one verdict is kept

    scenario.hub.permissions = scenario.workflow("monitor.yml")["jobs"]["retrain"]["permissions"]
    drifted = watch(scenario, DRIFTED)

    [pull] = scenario.hub.open()
    [branch] = branches(scenario)
    commit = scenario.hub.head(branch)
    assert drifted.jobs == {"monitor": "success", "retrain": "success", "tell": "success"}
    assert pull["head"]["ref"] == branch
    assert scenario.hub.dispatches == []
    assert [(s["sha"], s["context"], s["state"]) for s in scenario.hub.statuses] == [
        (commit, "model", "success"),
        (commit, "code", "success"),
    ]
    assert issues(scenario) == []  # the pull request is the answer, not an alarm
    assert "evidently.html" in drifted.artifacts()
