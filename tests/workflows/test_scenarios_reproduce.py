"""The champion rebuilt from its record: a different result opens an issue, an identical one closes it."""

import pytest

from ml.registry.embedded_home import LEDGER, dumps, loads
from tests.workflows.runner import git
from tests.workflows.test_scenarios_release import issues

pytestmark = [pytest.mark.slow, pytest.mark.template]

TITLE = "The champion cannot be built again"


def built_at(scenario, commit):
    """Let the registry on origin state this commit as the champion's; returns the earlier one."""
    clone = scenario.store.parent / f"registry-{commit[:8]}"
    git(scenario.folder, "clone", "--quiet", "--branch=mlflow", str(scenario.origin), str(clone))
    first, *others = loads((clone / LEDGER).read_bytes(), LEDGER)
    before, first["run"]["lineage"]["commit"] = first["run"]["lineage"]["commit"], commit
    (clone / LEDGER).write_bytes(dumps([first, *others]))
    git(clone, "commit", "--quiet", "--all", "--message=another commit")
    git(clone, "push", "--quiet", "origin", "mlflow")
    return before


def without_data(scenario):
    """A commit whose DVC remote no longer has the table."""
    git(scenario.folder, "rm", "-r", "--quiet", ".dvc/remote")
    commit = scenario.commit({}, "data-lost")
    git(scenario.folder, "switch", "--quiet", "main")
    return commit


def reproduce(scenario):
    return scenario.act("reproduce.yml", "schedule", {})


def test_a_champion_that_is_not_built_again_is_an_issue_until_it_is(scenario):
    """Another model, then missing data: the job fails, with one issue; the recorded bytes again close it."""
    other = scenario.commit({"params.yaml": "n_estimators: 30 -> n_estimators: 10"}, "other")
    git(scenario.folder, "switch", "--quiet", "main")
    recorded = built_at(scenario, other)

    outcome = reproduce(scenario)

    assert outcome.jobs == {"reproduce": "failure", "tell": "success"}
    assert "version 1 is different: scores of 2,388 test rows differ by at most 0." in outcome.said("reproduce")
    assert issues(scenario) == [TITLE]
    [issue] = scenario.hub.open("issues")
    assert "| reproduce | failure |" in issue["body"]
    assert "says `different` with the largest difference" in issue["body"]

    built_at(scenario, without_data(scenario))

    outcome = reproduce(scenario)

    assert outcome.jobs == {"reproduce": "failure", "tell": "success"}
    assert "the data of version 1 cannot be fetched" in outcome.said("reproduce")
    assert issues(scenario) == [TITLE]

    built_at(scenario, recorded)

    outcome = reproduce(scenario)

    assert outcome.jobs == {"reproduce": "success", "tell": "success"}
    assert "version 1 is identical" in outcome.said("reproduce")
    assert (issues(scenario), issues(scenario, "closed")) == ([], [TITLE])
    assert "The run succeeded" in scenario.comments(issue["number"])[-1]
