"""The pull request of a run, its workflow and its report: nothing that a fork can choose is trusted."""

import pytest

from ml.github import comment, github, runs
from ml.github.rest import call
from tests.github.double import PERSON, Hub

BRANCH = "more-trees"


@pytest.fixture
def hub():
    with Hub() as running:
        yield running


def test_a_run_belongs_to_the_pull_request_of_its_own_repository(hub):
    """A fork with the same owner, branch and commit has another pull request, which gets its own comment."""
    owner = github.connect(hub.environment(PERSON))
    asked = {"title": BRANCH, "head": BRANCH, "base": "main"}
    theirs = call(owner, "POST", "/pulls", asked)["number"]
    hub.pulls[theirs]["head"]["repo"] = {"full_name": "acme/churn-fork"}
    ours = call(owner, "POST", "/pulls", asked)["number"]
    run = next(iter(hub.runs.values()))

    found = {
        home: [pull["number"] for pull in runs.pull_requests(owner, run | {"head_repository": {"full_name": home}})]
        for home in ("acme/churn-fork", "acme/churn", "mallory/churn")
    }

    assert found == {"acme/churn-fork": [theirs], "acme/churn": [ours], "mallory/churn": []}


@pytest.mark.parametrize("address", ["https://evil.example", "//evil.example", "///evil.example"])
def test_a_chart_of_a_report_links_to_nothing(address):
    """Mermaid's `click` makes a node of the chart a link, also to an address without a scheme."""
    chart = f'```mermaid\nflowchart LR\n  A --> B\n  click A href "{address}"\n```\n'

    assert "//" not in comment.tame(chart)


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        (".github/workflows/model.yml", True),
        (".github/workflows/model.yml@refs/pull/7/merge", True),
        (".github/workflows/model.yml.yml", False),
        (".github/workflows/other.yml", False),
    ],
)
def test_only_the_file_of_a_workflow_makes_a_run_one_of_it(path, ours):
    """A pull request may add a workflow with the name `model`, which starts report.yml too."""
    assert runs.is_of({"path": path}, "model.yml") == ours
