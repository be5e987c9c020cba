"""The double behaves as GitHub's documentation says; behaviours.md lists the page for each behaviour."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from ml.github import github, runs
from ml.github.rest import IssuesOffError, call
from ml.io.errors import UserError
from tests.conftest import ROOT
from tests.github.actions import Cache, Group, started
from tests.github.double import APP, BOT, PERSON, Hub

HERE = Path(__file__).parent
BRANCH = "retrain/2026-11-21"
REQUIRED = {
    "id": 1, "name": "main", "target": "branch", "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"]}},
    "rules": [{"type": "required_status_checks", "parameters": {"required_status_checks": [{"context": "code"}]}}],
}  # fmt: skip


@pytest.fixture
def hub(tmp_path):
    with Hub() as running:
        yield running


def opened(hub, token):
    """A pull request by the owner of a token, and the run of code.yml that it started."""
    pull = call(
        github.connect(hub.environment(token)), "POST", "/pulls", {"title": "x", "head": BRANCH, "base": "main"}
    )
    [run] = [run for run in hub.runs.values() if run["path"].endswith("code.yml")]
    return pull, run


def mergeable(hub, pull):
    """Whether the required check permits a merge; the double has no repository to merge in, which is its last check."""
    try:
        call(github.connect(hub.environment(PERSON)), "PUT", f"/pulls/{pull['number']}/merge")
    except UserError as error:
        return "Required status check" not in str(error)
    return True


def post(hub, state, token=BOT):
    body = {"state": state, "context": "code", "description": ""}
    call(github.connect(hub.environment(token)), "POST", f"/statuses/{hub.head(BRANCH)}", body)


def dispatch(hub, token):
    call(github.connect(hub.environment(token)), "POST", "/actions/workflows/code.yml/dispatches", {"ref": BRANCH})
    return max(hub.runs)


def test_a_pull_request_of_a_jobs_token_waits_for_an_approval(hub):
    assert opened(hub, BOT)[1]["conclusion"] == "action_required"


@pytest.mark.parametrize("token", [APP, PERSON])
def test_a_pull_request_of_an_app_or_a_person_starts_its_run(hub, token):
    assert opened(hub, token)[1]["status"] == "queued"


def test_a_required_check_that_nobody_reported_blocks_the_merge(hub):
    pull, _ = opened(hub, BOT)
    hub.rulesets[1] = REQUIRED

    assert not mergeable(hub, pull)


def test_a_dispatched_run_does_not_satisfy_a_required_check(hub):
    pull, _ = opened(hub, BOT)
    hub.rulesets[1] = REQUIRED

    hub.finish(dispatch(hub, PERSON))

    assert not mergeable(hub, pull)


def test_a_run_of_the_pull_request_satisfies_a_required_check(hub):
    pull, run = opened(hub, PERSON)
    hub.rulesets[1] = REQUIRED

    hub.finish(run["id"])

    assert mergeable(hub, pull)


def test_a_status_of_that_name_satisfies_a_required_check_until_a_newer_one_fails(hub):
    pull, _ = opened(hub, BOT)
    hub.rulesets[1] = REQUIRED

    post(hub, "success")
    before = mergeable(hub, pull)
    post(hub, "failure")

    assert (before, mergeable(hub, pull)) == (True, False)


def test_if_check_and_status_have_one_name_both_must_succeed(hub):
    pull, run = opened(hub, PERSON)
    hub.rulesets[1] = REQUIRED
    post(hub, "success")

    hub.finish(run["id"], "failure")

    assert not mergeable(hub, pull)


def test_a_run_that_a_jobs_token_started_emits_no_workflow_run(hub):
    assert hub.finish(dispatch(hub, BOT)) == []
    assert hub.finish(dispatch(hub, PERSON)) == ["workflow_run"]


@pytest.mark.parametrize(
    ("path", "body", "permission"),
    [
        ("/statuses/" + "0" * 40, {"state": "success"}, "statuses"),
        ("/issues", {"title": "x"}, "issues"),
        ("/pulls", {"title": "x", "head": BRANCH, "base": "main"}, "pull-requests"),
        ("/actions/workflows/code.yml/dispatches", {"ref": BRANCH}, "actions"),
        ("/check-runs", {"name": "code", "head_sha": "0" * 40}, "checks"),
    ],
)
def test_a_jobs_token_does_only_what_its_job_permits(hub, path, body, permission):
    job = github.connect(hub.environment(BOT))
    hub.permissions = {"contents": "write", permission: "read"}
    with pytest.raises(UserError, match="Resource not accessible by integration"):
        call(job, "POST", path, body)

    hub.permissions = {permission: "write"}
    call(job, "POST", path, body)


def test_the_token_of_a_forks_pull_request_only_reads(hub):
    hub.read_only = True
    job = github.connect(hub.environment(BOT))

    assert call(job, "GET", "/issues") == []
    with pytest.raises(UserError, match="Resource not accessible by integration"):
        call(job, "POST", "/issues", {"title": "x"})


def test_workflows_cannot_open_a_pull_request_if_settings_forbid_it(hub):
    hub.actions_may_open_pulls = False

    with pytest.raises(UserError, match="not permitted to create or approve pull requests"):
        opened(hub, BOT)
    assert opened(hub, APP)


def test_rules_apply_to_the_branches_that_they_name(hub):
    hub.rulesets[1] = REQUIRED
    owner = github.connect(hub.environment(PERSON))

    assert [rule["type"] for rule in call(owner, "GET", "/rules/branches/main")] == ["required_status_checks"]
    assert call(owner, "GET", "/rules/branches/mlflow") == []


def test_a_plan_without_rulesets_says_so(hub):
    hub.private, hub.free = True, True

    with pytest.raises(UserError, match="Upgrade to GitHub Pro or make this repository public"):
        call(github.connect(hub.environment(PERSON)), "GET", "/rulesets")


def test_a_skipped_job_satisfies_a_required_check(hub):
    pull, run = opened(hub, PERSON)
    hub.rulesets[1] = REQUIRED

    hub.finish(run["id"], "skipped")

    assert mergeable(hub, pull)


def test_a_workflow_that_a_path_filter_keeps_from_starting_leaves_its_required_check_pending(hub):
    hub.filtered, hub.rulesets[1] = {"code.yml"}, REQUIRED
    body = {"title": "x", "head": BRANCH, "base": "main"}
    pull = call(github.connect(hub.environment(PERSON)), "POST", "/pulls", body)

    assert [run["path"] for run in hub.runs.values()] == [".github/workflows/model.yml"]
    assert not mergeable(hub, pull)


def test_an_expired_artifact_is_listed_and_gone(hub):
    hub.artifacts[5] = {"id": 5, "name": "report", "run": 1, "content": b"zip", "expired": True}
    job = github.connect(hub.environment(BOT))
    [listed] = runs.artifacts(job, 1).values()

    with pytest.raises(UserError, match=r"410 Artifact has expired\. GitHub has deleted it") as raised:
        runs.content(job, listed, 10)
    assert listed["expired"]
    assert not isinstance(raised.value, IssuesOffError)  # which is a 410 too


def test_a_run_restores_caches_of_its_own_branch_its_base_and_the_default_branch(hub):
    for ref in ("refs/pull/7/merge", "other", "main"):
        hub.caches.save(Cache(f"uv-{ref}", ref, ref))

    assert hub.caches.restore(["uv-"], "refs/pull/7/merge").content == "refs/pull/7/merge"
    assert hub.caches.restore(["uv-"], "refs/pull/8/merge", base="other").content == "other"
    assert hub.caches.restore(["uv-"], "refs/pull/8/merge").content == "main"  # and never that of pull request 7
    assert hub.caches.restore(["uv-other"], "main") is None


def test_a_cache_is_saved_by_a_job_that_succeeds_and_never_changed(hub):
    assert not hub.caches.save(Cache("uv", "main", "broken"), job="failure")
    assert hub.caches.save(Cache("uv", "main", "first"))
    assert not hub.caches.save(Cache("uv", "main", "second"))

    listed = call(github.connect(hub.environment()), "GET", "/actions/caches")

    assert hub.caches.restore(["uv"], "main").content == "first"
    assert listed["actions_caches"] == [{"key": "uv", "ref": "main"}]


def test_a_later_commit_of_a_pull_request_restores_what_an_earlier_one_saved(hub):
    hub.caches.save(Cache("uv-dev", "refs/pull/7/merge", "packages of the first commit"))

    assert not hub.caches.save(Cache("uv-dev", "refs/pull/7/merge", "packages of the second commit"))
    assert hub.caches.restore(["uv-dev"], "refs/pull/7/merge").content == "packages of the first commit"
    assert hub.caches.restore(["uv-dev"], "main") is None


def test_the_filter_head_does_not_distinguish_forks_of_one_owner(hub):
    pull, _ = opened(hub, PERSON)
    hub.pulls[pull["number"]]["head"]["repo"] = {"full_name": "acme/churn-fork"}
    owner = github.connect(hub.environment(PERSON))
    ours = call(owner, "POST", "/pulls", {"title": "x", "head": BRANCH, "base": "main"})

    found = call(owner, "GET", f"/pulls?head=acme:{BRANCH}")

    assert [each["number"] for each in found] == [ours["number"], pull["number"]]
    assert {each["head"]["label"] for each in found} == {f"acme:{BRANCH}"}


@pytest.mark.parametrize(
    ("settings", "running", "waiting", "cancelled"),
    [
        ({}, "1", ["3"], ["2"]),
        ({"queue": "max"}, "1", ["2", "3"], []),
        ({"cancel_in_progress": True}, "3", [], ["1", "2"]),
    ],
)
def test_a_new_run_in_a_group_replaces_the_waiting_one(settings, running, waiting, cancelled):
    group = Group(**settings)

    for run in "123":
        group.join(run)

    assert (group.running, group.waiting, group.cancelled) == (running, waiting, cancelled)


def test_a_group_with_cancellation_has_no_queue():
    with pytest.raises(ValueError, match="cannot be combined"):
        Group(cancel_in_progress=True, queue="max")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("event", "how", "names"),
    [
        ("push", {}, ["docs", "release", "template"]),  # also the first one of a repository made from a template
        ("push", {"quiet_fork": True}, []),
        ("push", {"job": True}, []),
        ("workflow_run", {}, ["report"]),
        ("merge_group", {}, ["code", "model"]),
    ],
)
def test_an_event_starts_the_workflows_that_name_it(event, how, names):
    texts = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")}

    assert started({name: text[True] for name, text in texts.items()}, event, **how) == names  # YAML reads `on` so


@pytest.mark.parametrize(("name", "starts"), [("README.md", True), ("dvc.lock", False)])
def test_a_pull_request_with_a_conflict_starts_no_workflow(tmp_path, name, starts):
    def git(*command):
        who = ["-c", "user.name=ada", "-c", "user.email=ada@example.invalid"]
        subprocess.run(["git", *who, *command], cwd=tmp_path, check=True, capture_output=True)

    def commit(file, text):
        (tmp_path / file).write_text(text)
        git("add", "--all")
        git("commit", "--message=change")

    git("init", "--initial-branch=main")
    commit("dvc.lock", "the model of both")
    git("switch", "--create", BRANCH)
    commit("dvc.lock", "another model")
    git("switch", "main")
    commit(name, "another merge")

    with Hub(origin=tmp_path) as hub:
        call(github.connect(hub.environment(PERSON)), "POST", "/pulls", {"title": "x", "head": BRANCH, "base": "main"})

        assert bool(hub.runs) == starts


@pytest.mark.parametrize(("event", "starts"), [("push", False), ("pull_request", False), ("merge_group", True)])
def test_a_commit_that_asks_to_be_skipped_starts_nothing(event, starts):
    assert started({"model": {event: None}}, event, message="Fix a typo [skip ci]") == (["model"] if starts else [])


def review(hub, state, token=PERSON):
    body = {"environment_ids": [1], "state": state, "comment": "seen"}
    hub.runs[9] = {"status": "waiting", "conclusion": None, "pending": ["production"]}
    call(github.connect(hub.environment(token)), "POST", "/actions/runs/9/pending_deployments", body)
    return hub.runs[9]


def test_a_rejected_environment_fails_the_run_and_an_approved_one_continues(hub):
    assert review(hub, "approved") | {"approvals": []} == {
        "status": "queued", "conclusion": None, "pending": [], "approvals": [],
    }  # fmt: skip
    assert review(hub, "rejected")["conclusion"] == "failure"


def test_a_jobs_token_approves_no_environment(hub):
    with pytest.raises(UserError, match="Resource not accessible by integration"):
        review(hub, "approved", BOT)


def test_every_behaviour_has_a_page_and_a_test():
    text = (HERE / "behaviours.md").read_text()
    rows = re.findall(r"^\| (?!behaviour)(.+?) \| (.+?) \| `(.+?)` \|(?: `(.+?)`)? \|$", text, re.MULTILINE)
    others = [ROOT / "tests" / "workflows" / name for name in ("test_standins.py", "test_runner.py")]
    tests = "".join(path.read_text() for path in (HERE / "test_double.py", *others) if path.exists())
    ours = "".join(path.read_text() for path in (ROOT / "tests" / "workflows").glob("test_policy*.py"))

    assert len(rows) == text.count("\n| ") - 1
    assert [name for _, _, name, _ in rows if f"def {name}(" not in tests] == []
    assert [name for *_, name in rows if name and f"def {name}(" not in ours] == []
    assert all(re.search(r"https://(docs\.github\.com|github\.com|github\.blog)/", page) for _, page, *_ in rows)
