"""Pull requests from the push to the comment: the jobs that run, the result of both required checks, the comment."""

import pytest

from tests.workflows.runner import HERE, Outcome, git

pytestmark = [pytest.mark.slow, pytest.mark.template]

FEW = {  # the job runs `make test`, on few tests in one process
    "PYTEST_ADDOPTS": "tests/unit/test_cli.py -k 'flags or newer or link'",
    "PYTEST_XDIST_AUTO_NUM_WORKERS": "0",
}
MODEL = {"plan", "pipeline", "model"}
CODE = {"plan", "lint", "fast", "prove", "tests", "workflows", "code"}
RUNS = {"model.yml": 7001, "code.yml": 7002}

PROVEN = """
prove:
\t@echo "$@" >> "$$STUB_STORE/calls"
"""
LINTED = "\nlint test-docs:\n\t@echo checked\n"  # where other scenarios show what they do


@pytest.fixture
def scenario(scenario):
    """On main no engine builds images and gates are not proven, because both have their own tests and take minutes."""
    return instead(scenario, PROVEN)


def instead(scenario, targets):
    """The scenario with other recipes on main for the targets that need an engine, and for these targets."""
    with (scenario.folder / "Makefile").open("a") as file:
        file.write((HERE / "engine.mk").read_text() + targets)
    git(scenario.folder, "commit", "--quiet", "--all", "--message=stand-ins")
    git(scenario.folder, "push", "--quiet", str(scenario.origin), "main")
    git(scenario.folder, "update-ref", "refs/remotes/origin/main", "main")
    return scenario


def judged(scenario, commit, workflow="model.yml", **variables):
    """The outcome of model.yml or code.yml on a pull request with this commit."""
    scenario.pull_request(commit)
    number, base = scenario.hub.number(), git(scenario.folder, "rev-parse", "main")
    pull = {"number": number, "head": {"sha": commit}, "base": {"ref": "main", "sha": base}}
    return scenario.act(workflow, "pull_request", {"number": number, "pull_request": pull}, **FEW, **variables)


def told(scenario, run):
    """The outcome of report.yml after a run of model.yml or code.yml."""
    event = {"workflow_run": run, "repository": {"default_branch": "main", "full_name": "acme/churn"}}
    git(scenario.folder, "switch", "--quiet", "main")
    return scenario.act("report.yml", "workflow_run", event)


def commented(scenario, outcome, branch, commit, owner="acme"):
    """The one comment after an outcome of a workflow on that commit; the pull request is opened by the first."""
    workflow = next(name for name in RUNS if name.removesuffix(".yml") in outcome.jobs)
    pulls = [number for number, pull in scenario.hub.pulls.items() if pull["head"]["ref"] == branch]
    number = pulls[0] if pulls else scenario.open_pull_request(branch, commit, owner)
    about = {"head_sha": commit, "head_branch": branch, "owner": owner}
    run = scenario.finished(RUNS[workflow], workflow, outcome, **about)
    assert told(scenario, run).jobs == {"comment": "success"}
    [comment] = scenario.comments(number)
    return comment


def results(jobs, **others):
    return dict.fromkeys(jobs, "success") | others


DOCUMENTS = results(CODE, fast="skipped", prove="skipped", tests="skipped", workflows="skipped")


def test_a_change_of_documents_takes_seconds(scenario):
    """Only `plan`, `lint` and the checks run, all green; no artifact, and a comment that says both passed."""
    commit = scenario.commit({"docs/architecture.md": "# Architecture -> # The architecture"}, "words")

    outcomes = {name: judged(scenario, commit, name) for name in RUNS}

    comments = [commented(scenario, outcome, "words", commit) for outcome in outcomes.values()]
    assert outcomes["model.yml"].jobs == results(MODEL, pipeline="skipped")
    assert outcomes["code.yml"].jobs == DOCUMENTS
    assert outcomes["model.yml"].artifacts() == []
    assert "✅ **model passed**" in comments[-1]
    assert "✅ **code passed**" in comments[-1]


def test_a_document_with_a_dead_link_fails_the_required_check(scenario):
    """`lint` and `code` are red, nothing else runs; the comment names the step."""
    commit = scenario.commit({"docs/architecture.md": "# Architecture -> # Architecture [x](nowhere.md)"}, "dead-link")

    outcome = judged(scenario, commit, "code.yml")

    comment = commented(scenario, outcome, "dead-link", commit)
    assert outcome.jobs == DOCUMENTS | {"lint": "failure", "code": "failure"}
    assert "❌ **code did not pass**" in comment
    assert "| Lint | Check the documents |" in comment


def test_a_run_that_a_person_cancelled_is_told(scenario):
    """Nothing but the comment is written, and it says so; for an older commit, as after another push, nothing is."""
    commit = scenario.commit({"docs/architecture.md": "# Architecture -> # The architecture"}, "words")
    number = scenario.open_pull_request("words", commit)
    ended = Outcome([], scenario.store, {"plan": "success", "lint": "cancelled", "code": "failure"})
    about = {"head_branch": "words", "conclusion": "cancelled"}

    older = told(scenario, scenario.finished(7001, "code.yml", ended, head_sha="a" * 40, **about))
    assert (older.jobs, scenario.comments(number)) == ({"comment": "success"}, [])

    told(scenario, scenario.finished(7002, "code.yml", ended, head_sha=commit, **about))
    assert "**code was cancelled**" in scenario.comments(number)[0]


def test_in_a_fork_with_other_data_the_proof_of_the_template_does_not_run(scenario):
    """A change of the machinery gets `lint` and the fast tests, and no scenario of workflows."""
    scenario.change({"tests/world/params.yaml": "file: data/customers.parquet -> file: data/others.parquet"})
    scenario = instead(scenario, LINTED)
    commit = scenario.commit({".github/workflows/doctor.yml": "timeout-minutes: 10 -> timeout-minutes: 11"}, "longer")

    outcome = judged(scenario, commit, "code.yml")

    assert outcome.jobs == DOCUMENTS | {"fast": "success"}


@pytest.mark.parametrize("workflow", RUNS)
def test_a_merge_queue_gets_the_required_check_for_the_commit_that_it_made(scenario, workflow):
    """Documents only: both checks are green, and nothing is commented."""
    scenario = instead(scenario, LINTED)
    scenario.pull_request(scenario.commit({"docs/architecture.md": "# Architecture -> # The architecture"}, "words"))
    base = git(scenario.folder, "rev-parse", "main")
    group = {"head_ref": "refs/heads/gh-readonly-queue/main/pr-1-x", "base_ref": "refs/heads/main", "base_sha": base}

    outcome = scenario.act(workflow, "merge_group", {"action": "checks_requested", "merge_group": group}, **FEW)

    assert outcome.jobs == (DOCUMENTS if workflow == "code.yml" else results(MODEL, pipeline="skipped"))
    assert outcome.artifacts() == []
