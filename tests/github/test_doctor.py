"""`make doctor` lists missing settings and their effects; `make protect` applies the rulesets. Over real HTTP."""

import os
import re
import sys
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from io import StringIO
from unittest.mock import patch

import pytest

from ml.github import repository_settings, rules
from ml.io import cli
from ml.stages import doctor, protect
from tests.conftest import ROOT
from tests.github.double import BOT, PERSON, Hub

STAGES = {"doctor": doctor.main, "protect": protect.main}
SCHEDULED = ("batch.yml", "monitor.yml", "newest.yml", "reproduce.yml")


@pytest.fixture
def hub():
    with Hub() as running:
        yield running


def run(stage, hub=None, token=PERSON, **variables):
    """The exit code and output of `doctor` or `protect` in this repository, with only this environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(hub.environment(token) if hub else {})}
    text = StringIO()
    with patch.dict(os.environ, environment | variables, clear=True), chdir(ROOT), ExitStack() as held:
        for each in (redirect_stdout, redirect_stderr):
            held.enter_context(each(text))
        held.enter_context(patch.object(sys, "argv", [stage]))
        with pytest.raises(SystemExit) as ended:
            cli.run(STAGES[stage])
    return ended.value.code, text.getvalue()


def states(text):
    """The state of each checked setting."""
    lines = [line[2:] for line in text.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    return {line[10:].split(": ")[0]: line[:9].strip() for line in lines}


def complete(hub):
    hub.workflow_states = dict.fromkeys(SCHEDULED, "active")
    hub.environments = {"staging": [], "production": ["required_reviewers"]}
    run("protect", hub)


def test_a_repository_with_all_settings_is_fine(hub):
    complete(hub)

    code, text = run("doctor", hub)

    github = {name: state for name, state in states(text).items() if name != "container engine"}
    assert "missing" not in github.values()
    assert github["main requires the checks model and code"] == "fine"
    assert github["environment production"] == "fine"
    assert github["variable DEPLOY_TARGET"] == "default"
    assert code == (1 if "missing" in states(text).values() else 0)


def test_a_new_fork_gets_a_list_of_missing_settings_with_remedies(hub):
    hub.actions_enabled = hub.actions_may_open_pulls = hub.has_issues = False
    hub.workflow_states = dict.fromkeys(SCHEDULED, "disabled_fork")
    hub.quiet_days = 50

    code, text = run("doctor", hub)

    lacking = {name for name, state in states(text).items() if state == "missing"}
    assert code == 1
    assert lacking - {"container engine", "data"} == {
        "Actions", "Actions may open pull requests", "main requires the checks model and code",
        "environment production", "issues", "days without a commit", *(f"schedule of {file}" for file in SCHEDULED),
    }  # fmt: skip
    assert "do: gh workflow enable monitor.yml" in text
    assert "then: GitHub disables the schedules" in text


def test_a_repository_without_a_commit_is_examined_all_the_same(hub):
    hub.fail(r"GET .*/commits/main", 409)

    _, text = run("doctor", hub)

    assert states(text)["days without a commit"] == "not seen"
    assert states(text)["issues"] == "fine"


def test_settings_that_the_token_cannot_read_are_reported_as_such(hub):
    complete(hub)

    _, text = run("doctor", hub, BOT)

    found = states(text)
    assert found["Actions may open pull requests"] == "not seen"
    assert found["secret ALERT_WEBHOOK"] == "not seen"
    assert found["main requires the checks model and code"] == "fine"
    assert found["schedule of monitor.yml"] == "fine"


def test_a_workflow_job_sees_the_settings_that_it_gets(hub):
    _, text = run("doctor", hub, BOT, GITHUB_ACTIONS="true", DEPLOY_TARGET="k8s", APP_CLIENT_ID="Iv1")

    found = states(text)
    assert found["Actions"] == "fine"
    assert found["variable DEPLOY_TARGET"] == "fine"
    assert found["secret ALERT_WEBHOOK"] == "default"
    assert found["secret APP_PRIVATE_KEY"] == "missing"  # an App without its key


def test_a_list_of_allowed_actions_without_ours_is_reported(hub):
    complete(hub)
    hub.allowed_actions = "selected"
    hub.selected_actions = {"github_owned_allowed": True, "patterns_allowed": ["astral-sh/other@*"]}
    _, before = run("doctor", hub)
    hub.selected_actions["patterns_allowed"] = ["astral-sh/*"]

    _, after = run("doctor", hub)

    assert states(before)["allowed actions"] == "missing"
    assert "allowed actions: not astral-sh/setup-uv" in before
    assert states(after)["allowed actions"] == "fine"


@pytest.mark.parametrize("rule", ["pull_request", "required_signatures", "update"])
def test_a_rule_that_keeps_jobs_from_pushing_the_registry_is_reported(hub, rule):
    """As of an organization that requires a pull request for each branch: every release would fail."""
    complete(hub)
    _, before = run("doctor", hub)
    every = {"ref_name": {"include": ["~ALL"], "exclude": []}}
    hub.rulesets[99] = {"id": 99, "name": "all", "target": "branch", "conditions": every, "rules": [{"type": rule}]}

    code, text = run("doctor", hub)

    assert states(before)["jobs may push to branch mlflow"] == "fine"  # with the rules of `make protect`
    assert states(text)["jobs may push to branch mlflow"] == "missing"
    assert f"no: its rules are {rule}" in text
    assert code == 1


@pytest.mark.parametrize(("branch", "state"), [("main", None), ("master", "missing")])
def test_another_default_branch_than_main_is_reported(hub, branch, state):
    """The workflows name main: otherwise nothing would be red, and no merge would be released."""
    hub.default_branch = branch

    assert states(run("doctor", hub)[1]).get("default branch") == state


def test_if_only_local_actions_may_run_all_others_are_reported(hub):
    hub.allowed_actions = "local_only"

    _, text = run("doctor", hub)

    assert "allowed actions: not actions/attest, " in text


def test_a_private_repository_on_a_free_plan_gets_a_list_of_unavailable_features(hub):
    hub.private = hub.free = True
    hub.environments = {"production": []}
    hub.workflow_states = dict.fromkeys(SCHEDULED, "active")

    _, text = run("doctor", hub)

    found = states(text)
    assert found["main requires the checks model and code"] == "default"
    assert "this plan has no rulesets and no protected branches" in text
    assert found["attestations"] == "default"
    assert "a private repository needs GitHub Enterprise for it" in text


def test_a_merge_queue_needs_a_required_check_that_runs_for_it(hub):
    complete(hub)
    before = run("doctor", hub)[1]
    hub.rulesets[99] = {"id": 99, "name": "queue", "target": "branch", "rules": [{"type": "merge_queue"}]}
    hub.rulesets[99]["conditions"] = {"ref_name": {"include": ["~DEFAULT_BRANCH"]}}

    _, text = run("doctor", hub)

    assert "merge queue" not in states(before)
    assert states(text)["merge queue"] == "fine"
    assert rules.queue([{"type": "merge_queue"}], {"code.yml": "on:\n  merge_group:\n"}).cure.endswith("model.yml.")


def test_a_ruleset_with_one_of_both_required_checks_names_the_missing_one(hub):
    complete(hub)
    main = next(r for r in hub.rulesets.values() if r["name"] == "main")
    [rule] = [rule for rule in main["rules"] if rule["type"] == "required_status_checks"]
    rule["parameters"]["required_status_checks"] = [{"context": "model"}]

    _, text = run("doctor", hub)

    assert "main requires the checks model and code: not code\n" in text
    assert "then: code whose tests fail can be merged" in text


def test_a_new_repository_is_told_that_production_needs_a_variable(hub):
    complete(hub)

    _, text = run("doctor", hub)

    assert states(text)["variable PRODUCTION"] == "default"
    assert "do: gh variable set PRODUCTION --body yes" in text


def test_without_a_token_it_checks_this_machine_and_names_what_it_did_not_check():
    _, text = run("doctor", GITHUB_REPOSITORY="acme/churn")

    assert states(text)["acme/churn"] == "not seen"
    assert "there is no token" in text
    assert states(text)["Python"] == "fine"


def test_a_github_that_does_not_respond_gives_no_traceback(hub):
    hub.fail("GET /repos/acme/churn$", 404)

    _, text = run("doctor", hub)

    assert states(text)["acme/churn"] == "not seen"
    assert "check the name acme/churn" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/churn.git", "acme/churn"),
        ("https://github.com/acme/churn/", "acme/churn"),
        ("git@github.com:acme/churn.git", "acme/churn"),
        ("ssh://git@github.com/acme/churn", "acme/churn"),
        ("https://notgithub.com/acme/churn", None),
        ("https://gitlab.com/acme/churn", None),
        ("/home/ada/churn.git", None),
        ("", None),
    ],
)
def test_the_repository_is_read_from_the_address_of_origin(url, name):
    assert repository_settings.named(url, "https://github.com") == name


def test_protect_creates_each_ruleset_once_and_restores_a_loosened_one(hub):
    said = [run("protect", hub)[1] for _ in range(2)]
    main, mlflow = (next(r for r in hub.rulesets.values() if r["name"] == name) for name in ("main", "mlflow"))
    main["rules"] = [rule for rule in main["rules"] if rule["type"] != "required_status_checks"]

    said.append(run("protect", hub)[1])

    assert [word for text in said for word in re.findall(r"json is (\w+)", text)] == [
        "created", "created", "unchanged", "unchanged", "changed", "unchanged",
    ]  # fmt: skip
    main = next(r for r in hub.rulesets.values() if r["name"] == "main")
    checks = [rule["parameters"]["required_status_checks"] for rule in main["rules"] if "status" in rule["type"]]
    assert checks == [[{"context": "model"}, {"context": "code"}]]
    assert {rule["type"] for rule in mlflow["rules"]} == {"deletion", "non_fast_forward"}  # a token may still push


def test_protect_requires_an_owner(hub):
    code, text = run("protect", hub, BOT)

    assert code == 1
    assert "Resource not accessible" in text
    assert hub.rulesets == {}
