"""`make doctor LIVE=1` records proofs that only GitHub can give, lists the remaining steps, and keeps the evidence."""

import json
import re

import pytest

from ml.github import github, live_proofs
from ml.github.rest import call
from ml.stages import live as stage
from tests.conftest import ROOT
from tests.github.actions import Cache
from tests.github.double import BOT, PERSON, Hub
from tests.github.test_double import REQUIRED

DIGEST = "sha256:" + "a" * 64
BOTH = [{"context": "model"}, {"context": "code"}]


@pytest.fixture
def hub():
    with Hub() as running:
        yield running


@pytest.fixture
def owner(hub, tmp_path, monkeypatch):
    """An owner's environment in an empty folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    for name, value in hub.environment(PERSON).items():
        monkeypatch.setenv(name, value)
    return github.connect(hub.environment(PERSON))


def rule(hub):
    parameters = {"required_status_checks": BOTH}
    hub.rulesets[1] = REQUIRED | {"rules": [{"type": "required_status_checks", "parameters": parameters}]}


def opened(hub, branch, token=PERSON):
    body = {"title": "x", "head": branch, "base": "main"}
    return call(github.connect(hub.environment(token)), "POST", "/pulls", body)


def finish(hub, branch, **conclusions):
    """End the runs of both workflows for the newest commit of a branch."""
    for key in [key for key, run in hub.runs.items() if run["head_sha"] == hub.head(branch)]:
        name = hub.runs[key]["path"].split("/")[-1].removesuffix(".yml")
        hub.finish(key, conclusions.get(name, "success"))


def report(hub, pull):
    body = {"body": f"{live_proofs.REPORT}\nall well"}
    call(github.connect(hub.environment(BOT)), "POST", f"/issues/{pull['number']}/comments", body)


def seen(repository, name):
    [proof] = [proof for proof in live_proofs.PROOFS if proof.name == name]
    return live_proofs.looked(repository, proof)


def test_a_new_repository_has_no_evidence_and_gets_the_first_step(hub, owner, capsys):
    assert stage.main() == 1

    said = capsys.readouterr().err
    assert said.count("not yet") == len(live_proofs.PROOFS)
    assert "required checks: not seen yet\n           do: GITHUB_TOKEN=$(gh auth token) make protect" in said
    assert json.loads(stage.EVIDENCE.read_text())["proofs"] == {}


def test_evidence_is_kept_with_its_link_and_not_queried_again(hub, owner):
    rule(hub)
    stage.main()
    calls = len(hub.made("rules/branches"))

    stage.main()

    kept = json.loads(stage.EVIDENCE.read_text())
    assert len(hub.made("rules/branches")) == calls
    assert kept["repository"] == "acme/churn"
    assert kept["proofs"]["required checks"]["link"] == "https://github.com/acme/churn/rules"


def test_a_refused_model_counts_once_it_blocks_the_merge(hub, owner):
    pull = opened(hub, "worse")
    finish(hub, "worse", model="failure")
    assert seen(owner, "refused model")[0] is None  # no rule requires the check
    rule(hub)

    assert seen(owner, "refused model")[0].link == pull["html_url"]


def test_a_report_counts_with_its_minutes_and_separately_on_a_fork(hub, owner):
    pull = opened(hub, "more-trees")
    [run] = [run for run in hub.runs.values() if run["path"].endswith("model.yml")]
    report(hub, pull)
    written = next(iter(hub.comments.values()))
    run["created_at"], written["created_at"] = "2026-01-31T06:00:00Z", "2026-01-31T06:03:30Z"

    assert "3.5 minutes after model.yml began" in seen(owner, "report")[0].found
    assert seen(owner, "fork")[0] is None

    hub.issues[pull["number"]]["head"]["repo"]["full_name"] = "ada/churn"
    assert seen(owner, "fork")[0].link == written["html_url"]


def test_another_persons_comment_with_our_marker_is_no_report(hub, owner):
    pull = opened(hub, "more-trees")
    call(owner, "POST", f"/issues/{pull['number']}/comments", {"body": live_proofs.REPORT})

    assert seen(owner, "report")[0] is None


def test_statuses_count_where_no_check_of_that_name_had_passed_before_the_merge(hub, owner):
    pull = opened(hub, "retrain/2026-11-21", BOT)
    for context in ("model", "code"):
        body = {"state": "success", "context": context, "description": ""}
        call(github.connect(hub.environment(BOT)), "POST", f"/statuses/{pull['head']['sha']}", body)
    assert seen(owner, "status")[0] is None  # not merged yet
    hub.issues[pull["number"]] |= {"state": "closed", "merged_at": "2026-01-31T06:00:00Z"}

    assert seen(owner, "status")[0].link == pull["html_url"]

    finish(hub, "retrain/2026-11-21")  # somebody has pressed the button besides
    assert seen(owner, "status")[0] is None


@pytest.mark.parametrize(("state", "name"), [("approved", "approval"), ("rejected", "rejection")])
def test_a_persons_decision_on_production_counts(hub, owner, state, name):
    call(owner, "POST", "/actions/workflows/release.yml/dispatches", {"ref": "main"})
    [key] = hub.runs
    hub.runs[key]["pending"] = ["production"]
    body = {"environment_ids": [1], "state": state, "comment": ""}
    call(owner, "POST", f"/actions/runs/{key}/pending_deployments", body)

    assert seen(owner, name)[0].found == f"{state} by acme"
    assert {seen(owner, other)[0] for other in {"approval", "rejection"} - {name}} == {None}


def test_an_image_counts_with_its_visibility_and_both_attestations(hub, owner):
    hub.packages, hub.attested = {"churn/churn": DIGEST}, {DIGEST: 1}
    assert seen(owner, "package")[0].found == f"churn/churn@{DIGEST}, public"
    assert seen(owner, "attestations")[0] is None  # the SBOM is not attested

    hub.attested[DIGEST] = 2

    assert DIGEST in seen(owner, "attestations")[0].found


def test_a_cache_counts_where_a_pull_request_made_it(hub, owner):
    hub.caches.save(Cache("setup-uv-2-x", "refs/heads/main", ""))
    assert seen(owner, "caches")[0] is None

    hub.caches.save(Cache("setup-uv-2-x", "refs/pull/1/merge", ""))

    assert seen(owner, "caches")[0].found == "1 cache of pull requests"


@pytest.mark.parametrize(
    ("name", "event", "workflows"),
    [("merge queue", "merge_group", ("model.yml", "code.yml")), ("schedule", "schedule", ("monitor.yml",))],
)
def test_a_run_of_that_event_counts_once_all_its_workflows_passed(hub, owner, name, event, workflows):
    for workflow in workflows:
        assert seen(owner, name)[0] is None
        call(owner, "POST", f"/actions/workflows/{workflow}/dispatches", {"ref": "main"})
        hub.runs[max(hub.runs)] |= {"event": event, "status": "success"}  # GitHub's filter `status` takes conclusions

    assert seen(owner, name)[0].link.startswith("https://github.com/acme/churn/actions/runs/")


def test_a_missing_permission_is_reported_in_githubs_words(hub, owner):
    hub.fail("GET /users/acme/packages", 403)

    assert "403 Forbidden" in seen(owner, "package")[1]


def test_evidence_of_another_repository_is_not_continued(hub, owner):
    stage.EVIDENCE.write_text(json.dumps({"version": 1, "repository": "ada/churn", "proofs": {}}))

    with pytest.raises(stage.UserError, match="Delete it to start again"):
        stage.main()


def test_the_document_walks_through_every_proof_in_that_order():
    told = re.findall(r"^\d+\. \*\*(.+?)\*\*", (ROOT / "docs" / "live-run.md").read_text(), re.MULTILINE)

    assert told == [proof.name for proof in live_proofs.PROOFS]
