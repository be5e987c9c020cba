"""Pull requests, from the push to the comment: what runs, what the required check says, what people read."""

import pytest

from tests.workflows.runner import HERE, git

pytestmark = [pytest.mark.slow, pytest.mark.template]

FEW = {"PYTEST_ADDOPTS": "tests/unit/test_cli.py -k 'flags or newer or link'"}  # the job runs `make test`, on few tests
JOBS = {"plan", "lint", "tests", "workflows", "pipeline", "ci"}

PROVEN = """
prove:
\t@echo "$@" >> "$$STUB_STORE/calls"
"""


@pytest.fixture
def scenario(scenario):
    """On main, no engine builds images and gates are not proven: both have tests of their own and take minutes."""
    return instead(scenario, PROVEN)


def instead(scenario, targets):
    """The scenario, where main has other recipes for what needs an engine, and for these targets."""
    with (scenario.folder / "Makefile").open("a") as file:
        file.write((HERE / "engine.mk").read_text() + targets)
    git(scenario.folder, "commit", "--quiet", "--all", "--message=stand-ins")
    git(scenario.folder, "push", "--quiet", str(scenario.origin), "main")
    git(scenario.folder, "update-ref", "refs/remotes/origin/main", "main")
    return scenario


def judged(scenario, commit, **variables):
    """The outcome of ci.yml on a pull request with this commit."""
    scenario.pull_request(commit)
    number, base = scenario.hub.number(), git(scenario.folder, "rev-parse", "main")
    pull = {"number": number, "head": {"sha": commit}, "base": {"ref": "main", "sha": base}}
    return scenario.act("ci.yml", "pull_request", {"number": number, "pull_request": pull}, **FEW, **variables)


def told(scenario, run):
    """The outcome of report.yml after a run of ci.yml."""
    event = {"workflow_run": run, "repository": {"default_branch": "main", "full_name": "acme/churn"}}
    git(scenario.folder, "switch", "--quiet", "main")
    return scenario.act("report.yml", "workflow_run", event)


def commented(scenario, outcome, branch, commit, owner="acme"):
    """The one comment about an outcome of ci.yml."""
    number = scenario.open_pull_request(branch, commit, owner)
    about = {"head_sha": commit, "head_branch": branch, "owner": owner}
    assert told(scenario, scenario.finished(7001, "ci.yml", outcome, **about)).jobs == {"comment": "success"}
    [comment] = scenario.comments(number)
    return comment


def results(jobs, **others):
    return dict.fromkeys(jobs, "success") | others


def test_a_good_pull_request_is_built_judged_and_told(scenario):
    """Every job is green; the one comment has the changed setting, the champion it was held against and the page."""
    scenario.build({"params.yaml": "n_estimators: 150 -> n_estimators: 140"})
    commit = scenario.commit({}, "fewer-trees")

    outcome = judged(scenario, commit)

    comment = commented(scenario, outcome, "fewer-trees", commit)
    assert outcome.jobs == results(JOBS, workflows="skipped")
    assert outcome.artifacts() == ["report", "report.html"]
    assert "# ✅ churn: the model passes its gates" in outcome.summaries["pipeline"]
    assert (scenario.store / "calls").read_text().split() == ["prove", "image", "smoke"]
    assert "PASSED" in outcome.said("ci")
    assert "✅ **ci passed**" in comment
    assert "[report.html](https://github.com/acme/churn/actions/runs/7001/artifacts/" in comment
    assert "| train.random_forest.n_estimators | 150 | 140 |" in comment
    assert "version 1" in comment  # the champion came with the registry


def test_a_change_of_documents_takes_seconds(scenario):
    """Only `plan`, `lint` and `ci` run, all green; no artifact, and a comment that says `ci` passed."""
    commit = scenario.commit({"docs/architecture.md": "# Architecture -> # The architecture"}, "words")

    outcome = judged(scenario, commit)

    comment = commented(scenario, outcome, "words", commit)
    assert outcome.jobs == results(JOBS, tests="skipped", workflows="skipped", pipeline="skipped")
    assert outcome.artifacts() == []
    assert "✅ **ci passed**" in comment


def test_a_document_with_a_dead_link_fails_the_required_check(scenario):
    """`lint` and `ci` are red, nothing else runs; the comment names the step."""
    commit = scenario.commit({"docs/architecture.md": "# Architecture -> # Architecture [x](nowhere.md)"}, "dead-link")

    outcome = judged(scenario, commit)

    comment = commented(scenario, outcome, "dead-link", commit)
    assert outcome.jobs == results(
        JOBS, lint="failure", tests="skipped", workflows="skipped", pipeline="skipped", ci="failure"
    )
    assert "| Lint | Hold the documents to what is there |" in comment


def test_a_pull_request_from_a_fork_needs_no_secret_and_no_token_that_writes(scenario):
    """All green with a token that only reads; the comment comes from report.yml with one that writes."""
    commit = scenario.commit({"params.yaml": "accuracy: { min: 0.85 } -> accuracy: { min: 0.84 }"}, "patch")
    scenario.hub.read_only = True

    outcome = judged(scenario, commit)

    assert outcome.jobs == results(JOBS, workflows="skipped")
    assert not scenario.hub.made("POST|PATCH|PUT|DELETE")
    scenario.hub.read_only = False
    comment = commented(scenario, outcome, "patch", commit, owner="mallory")
    assert "| gates.accuracy.min | 0.85 | 0.84 |" in comment


def test_a_merge_queue_gets_the_required_check_for_the_commit_that_it_made(scenario):
    """Documents only: `plan` and `ci` are green, and nothing is commented."""
    scenario.pull_request(scenario.commit({"docs/architecture.md": "# Architecture -> # The architecture"}, "words"))
    base = git(scenario.folder, "rev-parse", "main")
    group = {"head_ref": "refs/heads/gh-readonly-queue/main/pr-1-x", "base_ref": "refs/heads/main", "base_sha": base}

    outcome = scenario.act("ci.yml", "merge_group", {"action": "checks_requested", "merge_group": group}, **FEW)

    assert outcome.jobs == results(JOBS, tests="skipped", workflows="skipped", pipeline="skipped")
    assert outcome.artifacts() == []
