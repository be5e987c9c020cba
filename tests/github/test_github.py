"""An operation on GitHub can be repeated, waits for rate limits, and changes only its own objects; over real HTTP."""

import re
from pathlib import Path

import pytest
from urllib3.util import retry

from ml.github import github
from ml.github.rest import call, every
from ml.io.errors import UserError
from tests.github.double import APP, BOT, PERSON, Hub


@pytest.fixture
def hub():
    with Hub() as running:
        yield running


@pytest.fixture
def repository(hub):
    return github.connect(hub.environment())


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(github, "PAUSES", (0, 0, 0))


@pytest.fixture
def slept(monkeypatch):
    """The seconds that requests wait before a retry; no time passes."""
    seconds = []
    monkeypatch.setattr(retry.time, "sleep", seconds.append)
    return seconds


def test_a_laptop_without_a_token_is_not_connected():
    assert github.connect({"GITHUB_REPOSITORY": "acme/churn"}) is None
    assert github.connect({"GITHUB_TOKEN": "ghp_x"}) is None


@pytest.mark.parametrize(
    ("tokens", "starts"),
    [
        ({"GITHUB_TOKEN": BOT}, False),
        ({"GITHUB_TOKEN": BOT, "APP_TOKEN": APP}, True),
        ({"GITHUB_TOKEN": "ghp_person"}, True),
        ({"GITHUB_TOKEN": "github_pat_person"}, True),
        ({"GITHUB_TOKEN": "gho_person"}, True),  # what `gh auth token` prints
    ],
)
def test_only_a_jobs_own_token_cannot_start_workflows(tokens, starts):
    assert github.connect({"GITHUB_REPOSITORY": "acme/churn", **tokens}).starts_workflows is starts


def test_an_app_token_has_priority_over_the_jobs_own(hub):
    repository = github.connect(hub.environment(APP_TOKEN=APP))

    github.issue(repository, "drift", "Drift", "x")

    assert hub.calls[-1].who == "churn-app[bot]"


def test_a_netrc_file_cannot_replace_the_token(hub, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))

    github.issue(github.connect(hub.environment()), "drift", "Drift", "x")

    assert {c.who for c in hub.calls} == {"github-actions[bot]"}


def test_it_works_on_enterprise_server():
    with Hub(prefix="/api/v3") as hub:
        repository = github.connect(hub.environment())

        github.issue(repository, "drift", "Drift", "x")

        assert "/api/v3/" in f"{repository.api}/"
        assert [i["title"] for i in hub.open("issues")] == ["Drift"]


@pytest.mark.slow
def test_all_pages_of_a_list_are_read(hub, repository):
    for number in range(250):
        call(repository, "POST", "/issues", {"title": str(number)})

    titles = [item["title"] for item in every(repository, "/issues", state="open")]

    assert sorted(titles, key=int) == [str(n) for n in range(250)]
    assert len(hub.made("GET /repos/acme/churn/issues$")) == 3


def test_a_problem_has_one_issue_after_any_number_of_reports(hub, repository):
    github.issue(repository, "drift", "Drift", "3 columns")
    github.issue(repository, "drift", "Drift", "4 columns")
    github.issue(repository, "degraded", "Degraded", "AUC 0.7")

    assert [(i["title"], "4 columns" in i["body"]) for i in hub.open("issues")] == [
        ("Drift", True),
        ("Degraded", False),
    ]
    assert hub.open("issues")[0]["labels"][0]["name"] == "alert"


def test_an_unchanged_issue_is_not_written_again(hub, repository):
    github.issue(repository, "drift", "Drift", "same")
    before = len(hub.made("^(POST|PATCH)"))

    github.issue(repository, "drift", "Drift", "same")

    assert len(hub.made("^(POST|PATCH)")) == before


def test_every_issue_links_to_its_entry_in_the_runbook(hub, repository):
    found = github.issue(repository, "degraded", "Degraded", "AUC 0.7")

    link = re.search(r"\]\((http\S+/blob/HEAD/(docs/\S+\.md)#(\S+))\)", hub.issues[found["number"]]["body"])
    assert link[3] == "degraded"
    assert f"\n### {link[3]}\n" in Path(link[2]).read_text(encoding="utf-8")


def test_a_closed_issue_stays_closed_and_a_new_problem_opens_a_new_one(hub, repository):
    first = github.issue(repository, "drift", "Drift", "x")
    github.close(repository, first["number"], "Stable again.")

    second = github.issue(repository, "drift", "Drift", "x")

    assert second["number"] != first["number"]
    assert hub.issues[first["number"]]["state"] == "closed"
    assert [c["body"].splitlines()[1] for c in hub.comments.values()] == ["Stable again."]


def test_a_sticky_comment_is_changed_in_place(hub, repository):
    number = call(repository, "POST", "/issues", {"title": "t"})["number"]
    for text in ("one", "two", "two"):
        github.comment(repository, number, "report", text)

    assert [c["body"].splitlines()[1] for c in hub.comments.values()] == ["two"]


def test_another_persons_comment_with_our_marker_is_not_changed(hub, repository):
    hub.tokens["stranger"] = "mallory"
    number = call(repository, "POST", "/issues", {"title": "t"})["number"]
    stranger = github.connect(hub.environment("stranger"))
    call(stranger, "POST", f"/issues/{number}/comments", {"body": "<!-- ml:report -->\nall green"})

    github.comment(repository, number, "report", "refused")

    assert [c["body"].splitlines()[1] for c in hub.comments.values()] == ["all green", "refused"]


def test_an_issue_is_found_again_with_any_kind_of_token(hub):
    hub.tokens["gho_person"] = "acme"
    person = github.connect(hub.environment("gho_person"))

    for text in ("one", "two"):
        github.issue(person, "drift", "Drift", text)

    assert len(hub.open("issues")) == 1


def test_a_branch_has_one_pull_request_that_is_updated_and_labelled(hub, repository):
    first = github.pull_request(repository, "retrain/2026-11-01", "main", "Retrain", "AUC 0.80")
    again = github.pull_request(repository, "retrain/2026-11-01", "main", "Retrain", "AUC 0.81")

    assert first["number"] == again["number"]
    assert "AUC 0.81" in hub.open()[0]["body"]
    assert [own["name"] for own in hub.open()[0]["labels"]] == ["retraining"]


@pytest.mark.parametrize("fork", ["mallory/churn", "acme/churn-fork", None])  # None: it was deleted
def test_a_forks_branch_of_the_same_name_is_not_taken_for_ours(hub, repository, fork):
    """GitHub names the branch of a fork with the same owner as it names ours: acme:retrain/2026-11-01."""
    theirs = {"title": "from a fork", "head": "retrain/2026-11-01", "base": "main"}
    call(github.connect(hub.environment(PERSON)), "POST", "/pulls", theirs)
    hub.open()[0]["head"]["repo"] = fork and {"full_name": fork}

    ours = github.pull_request(repository, "retrain/2026-11-01", "main", "Retrain", "x")

    assert [pull["number"] for pull in github.retrainings(repository, "retrain/")] == [ours["number"]]
    assert [pull["title"] for pull in hub.open()] == ["from a fork", "Retrain"]


def test_the_caller_learns_that_actions_may_not_open_pull_requests(hub, repository):
    hub.actions_may_open_pulls = False

    with pytest.raises(github.NotPermittedError):
        github.pull_request(repository, "retrain/2026-11-01", "main", "Retrain", "x")
    assert github.compare_link(repository, "main", "retrain/x") == (
        "https://github.com/acme/churn/compare/main...retrain/x?expand=1"
    )


def test_a_status_is_posted_once_until_it_changes(hub, repository):
    for state in ("success", "success", "failure"):
        github.status(repository, "a" * 40, {"context": "ci", "state": state, "description": "gates " * 100})

    assert [s["state"] for s in hub.statuses] == ["success", "failure"]
    assert len(hub.statuses[0]["description"]) == 140


def test_a_schedule_disabled_by_github_is_detected(hub, repository):
    hub.workflow_states["monitor.yml"] = "disabled_inactivity"

    assert github.newest_run(repository, "monitor.yml") == ("disabled_inactivity", None)


@pytest.mark.parametrize("match", ["GET", "PATCH"])
def test_a_bad_gateway_is_tried_again(hub, repository, slept, match):
    github.issue(repository, "drift", "Drift", "one")
    hub.fail(match, 502, times=2)

    github.issue(repository, "drift", "Drift", "two")

    assert "two" in hub.open("issues")[0]["body"]
    assert slept


@pytest.mark.parametrize("applied", [True, False])
def test_a_post_with_a_lost_response_is_searched_for_before_a_retry(hub, repository, applied):
    hub.fail("POST .*/issues$", 502, applied=applied)

    github.issue(repository, "drift", "Drift", "x")

    assert len(hub.open("issues")) == 1
    assert len(hub.made("POST .*/issues$")) == (1 if applied else 2)


def test_a_secondary_rate_limit_waits_for_the_time_that_github_states(hub, repository, slept):
    hub.fail("POST .*/issues$", 403, times=2, retry_after="7")

    github.issue(repository, "drift", "Drift", "x")

    assert len(hub.open("issues")) == 1
    assert slept == [7, 7]


def test_a_server_that_stays_down_ends_in_an_error(hub, repository):
    hub.fail("POST .*/issues$", 502, times=100)

    with pytest.raises(UserError, match=r"502.*Try again later"):
        github.issue(repository, "drift", "Drift", "x")
    assert len(hub.made("POST .*/issues$")) == 4


def test_the_hourly_limit_says_when_it_ends(hub, repository):
    hub.remaining = 0

    with pytest.raises(UserError, match=r"hourly limit is exhausted until \d\d:\d\d UTC"):
        github.issue(repository, "drift", "Drift", "x")


@pytest.mark.parametrize(
    ("environment", "hint"),
    [
        ({"GITHUB_TOKEN": "ghp_wrong"}, "token is wrong"),
        ({"GITHUB_REPOSITORY": "acme/other"}, "check the name acme/other"),
    ],
)
def test_a_refusal_names_the_setting_to_check(hub, environment, hint):
    with pytest.raises(UserError, match=hint):
        github.issue(github.connect(hub.environment() | environment), "drift", "Drift", "x")


def test_a_read_only_token_names_the_page_with_the_permissions(hub, repository):
    hub.read_only = True

    with pytest.raises(UserError, match=r"Resource not accessible.*docs/retraining\.md"):
        github.issue(repository, "drift", "Drift", "x")


def test_text_from_the_data_mentions_nobody():
    assert "@everyone" not in github.body("level @everyone, mail a@b.c", "x")


def test_a_long_body_is_cut_below_the_limit_with_its_fence_closed():
    text = github.body("start\n```mermaid\n" + "line of text\n" * 10_000, "x")

    assert 59_000 < len(text) <= github.LIMIT
    assert text.count("```") == 2
    assert text.startswith("<!-- ml:x -->\nstart")
