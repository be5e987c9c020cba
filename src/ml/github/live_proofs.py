"""The steps that only GitHub can prove, queried by its API, with a link to the evidence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ml.github import github, rules
from ml.github.ci import CHECKS
from ml.github.fork_settings import FINE
from ml.github.rest import Record, Repository, call, every, outside
from ml.io import git
from ml.io.errors import UserError
from ml.io.text import counted

REPORT = github.marker("report")


@dataclass(frozen=True)
class Seen:
    """The finding, and the page that shows it."""

    found: str
    link: str


@dataclass(frozen=True)
class Proof:
    """One proof: its name, the action of a person, and the query for the evidence."""

    name: str
    do: str
    look: Callable[[Repository], Seen | None]


def _required(repository: Repository) -> Seen | None:
    branch = call(repository, "GET", "")["default_branch"]
    found = rules.required(call(repository, "GET", f"/rules/branches/{branch}"), [], branch, True)
    return Seen(found.name, repository.page("rules")) if found.state == FINE else None


def _refused(repository: Repository) -> Seen | None:
    for pull in every(repository, "/pulls", state="open"):
        failed = {c["name"] for c in _checks(repository, pull) if c["conclusion"] == "failure"}
        if "model" in failed and _state(repository, pull) == "blocked":
            return Seen("the check `model` failed and merging is blocked", pull["html_url"])
    return None


def _state(repository: Repository, pull: Record) -> str:
    return call(repository, "GET", f"/pulls/{pull['number']}").get("mergeable_state", "unknown")


def _comment(repository: Repository) -> Seen | None:
    return _reported(repository, lambda home: home == repository.name)


def _fork(repository: Repository) -> Seen | None:
    return _reported(repository, lambda home: home != repository.name)


def _reported(repository: Repository, wanted: Callable[[str], bool]) -> Seen | None:
    """A report on a pull request from a matching repository, and the minutes from its run to the comment."""
    for pull in every(repository, "/pulls", state="all"):
        home = github.home(pull)
        comments = every(repository, f"/issues/{pull['number']}/comments") if home and wanted(home) else iter(())
        written = next((c for c in comments if REPORT in (c["body"] or "") and c["user"]["type"] == "Bot"), None)
        if written:
            begun = _begun(repository, pull)
            minutes = (_time(written["created_at"]) - begun).total_seconds() / 60 if begun else 0.0
            how = f", {minutes:.1f} minutes after model.yml began" if minutes > 0 else ""
            return Seen(f"the report is a comment{how}", written["html_url"])
    return None


def _begun(repository: Repository, pull: Record) -> datetime | None:
    """The time of the first run of model.yml for a pull request's branch."""
    path = f"/actions/workflows/model.yml/runs?event=pull_request&branch={pull['head']['ref']}&per_page=100"
    return min((_time(run["created_at"]) for run in call(repository, "GET", path)["workflow_runs"]), default=None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _status(repository: Repository) -> Seen | None:
    """A merged retraining pull request whose required checks were only statuses."""
    for pull in github.retrainings(repository, git.RETRAINING, "closed"):
        states = call(repository, "GET", f"/commits/{pull['head']['sha']}/status")["statuses"]
        good = {state["context"] for state in states if state["state"] == "success"}
        passed = {check["name"] for check in _checks(repository, pull)}
        if pull["merged_at"] and good >= set(CHECKS) and not passed & set(CHECKS):
            return Seen("merged with the statuses `model` and `code`, without a check of either", pull["html_url"])
    return None


def _checks(repository: Repository, pull: Record) -> list[Record]:
    return call(repository, "GET", f"/commits/{pull['head']['sha']}/check-runs?per_page=100")["check_runs"]


def _approved(repository: Repository) -> Seen | None:
    return _reviewed(repository, "approved")


def _rejected(repository: Repository) -> Seen | None:
    return _reviewed(repository, "rejected")


def _reviewed(repository: Repository, state: str) -> Seen | None:
    for run in _runs(repository, "release.yml"):
        for review in call(repository, "GET", f"/actions/runs/{run['id']}/approvals"):
            if review["state"] == state:
                return Seen(f"{state} by {review['user']['login']}", run["html_url"])
    return None


def _runs(repository: Repository, workflow: str, **wanted: str) -> list[Record]:
    asked = "".join(f"&{key}={value}" for key, value in wanted.items())
    return call(repository, "GET", f"/actions/workflows/{workflow}/runs?per_page=50{asked}")["workflow_runs"]


def _images(repository: Repository) -> Iterator[tuple[Record, str]]:
    """The container packages of the repository, each with the digest of its newest version."""
    owner = call(repository, "GET", "")["owner"]
    home = f"/{'orgs' if owner['type'] == 'Organization' else 'users'}/{owner['login']}/packages"
    for package in outside(repository, f"{home}?package_type=container&per_page=100"):
        if (package.get("repository") or {}).get("full_name") == repository.name:
            name = package["name"].replace("/", "%2F")
            versions = outside(repository, f"{home}/container/{name}/versions?per_page=1")
            yield from ((package, version["name"]) for version in versions[:1])


def _package(repository: Repository) -> Seen | None:
    for package, digest in _images(repository):
        return Seen(f"{package['name']}@{digest}, {package['visibility']}", package["html_url"])
    return None


def _attested(repository: Repository) -> Seen | None:
    for package, digest in _images(repository):
        found = call(repository, "GET", f"/attestations/{digest}")["attestations"]
        if len(found) > 1:  # its provenance and its contents
            said = f"{counted(len(found), 'attestation')} of {package['name']}@{digest}"
            return Seen(said, repository.page("attestations"))
    return None


def _cache(repository: Repository) -> Seen | None:
    found = call(repository, "GET", "/actions/caches?per_page=100")["actions_caches"]
    ours = [cache for cache in found if cache["ref"].startswith("refs/pull/") and "setup-uv" in cache["key"]]
    said = f"{counted(len(ours), 'cache')} of pull requests"
    return Seen(said, repository.page("actions/caches")) if ours else None


def _queue(repository: Repository) -> Seen | None:
    found = [_runs(repository, f"{check}.yml", event="merge_group", status="success") for check in CHECKS]
    return Seen("model.yml and code.yml passed for a queue", found[0][0]["html_url"]) if all(found) else None


def _schedule(repository: Repository) -> Seen | None:
    found = _runs(repository, "monitor.yml", event="schedule", status="success")
    return Seen(f"monitor.yml began by itself at {found[0]['created_at']}", found[0]["html_url"]) if found else None


PROOFS = (
    Proof("required checks", "GITHUB_TOKEN=$(gh auth token) make protect", _required),
    Proof(
        "report", "Open a pull request that changes n_estimators, and merge it once both checks have passed.", _comment
    ),
    Proof(
        "refused model",
        "Open one with gates.limits.accuracy.min at 0.99. Keep it open until this command records it.",
        _refused,
    ),
    Proof("fork", "Let another account open a pull request from a fork, and approve its workflows.", _fork),
    Proof("package", "gh variable set PRODUCTION --body yes, then start release.", _package),
    Proof("attestations", "Let a release of a public repository end its job *Image*.", _attested),
    Proof("approval", "Settings → Environments → production → Required reviewers: you. Approve a release.", _approved),
    Proof("rejection", "Start release again and reject it. No issue may open.", _rejected),
    Proof("caches", "Let model and code pass for an open pull request.", _cache),
    Proof("status", "Start monitor until it drifts. Merge its pull request without approving workflows.", _status),
    Proof("merge queue", "Settings → Rules → main → Require merge queue. Merge one pull request.", _queue),
    Proof("schedule", "Wait a day, with monitor enabled.", _schedule),
)  # fmt: skip


def looked(repository: Repository, proof: Proof) -> tuple[Seen | None, str]:
    """The evidence of a proof, or the reason for its absence: not yet, or GitHub's response."""
    try:
        return proof.look(repository), "not seen yet"
    except UserError as error:
        return None, str(error)
