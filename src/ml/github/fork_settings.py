"""The settings of a fork: fine, missing (with the effect and the action), default, or not seen."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

FINE, MISSING, DEFAULT, UNSEEN = "fine", "missing", "default", "not seen"
QUIET_DAYS = 60  # GitHub then disables the schedules of a public repository
ACTIONS = "Settings → Actions → General"
OWNER = "Run `make doctor` with the token of an owner: GITHUB_TOKEN=$(gh auth token) make doctor"
STARTED = {
    "disabled_fork": "off, as in every new fork",
    "disabled_inactivity": f"off after {QUIET_DAYS} days without a commit",
    "disabled_manually": "disabled by a person",
}


@dataclass(frozen=True)
class SettingFinding:
    """One checked setting: its name, its state, and unless it is fine, the effect and the action."""

    name: str
    state: Literal["fine", "missing", "default", "not seen"]
    found: str
    then: str = ""
    cure: str = ""


@dataclass(frozen=True)
class Setting:
    """A variable or secret of the repository, with the effect of its absence."""

    name: str
    kind: Literal["variable", "secret"]
    then: str
    needs: str = ""  # the setting that this one needs


SETTINGS = (
    Setting("MLFLOW_TRACKING_URI", "variable", "runs and versions are on branch mlflow"),
    Setting(
        "MLFLOW_TRACKING_PASSWORD", "secret", "requests to the MLflow server have no password", "MLFLOW_TRACKING_URI"
    ),
    Setting("PREDICTION_LOG", "secret", "monitoring judges simulated rows or none, not your predictions"),
    Setting("IMAGE_REGISTRY", "variable", "images go to the packages of this repository (ghcr.io)"),
    Setting(
        "DEPLOY_TARGET", "variable", "a release starts and checks the image on the runner, and stops it with the job"
    ),
    Setting("PRODUCTION", "variable", "a release stops after staging without a new champion, until the value is yes"),
    Setting("PAGES", "variable", "no documentation site is published, until the value is yes"),
    Setting("ALERT_WEBHOOK", "secret", "alerts are issues only, without a chat message"),
    Setting(
        "APP_CLIENT_ID",
        "variable",
        "a retraining pull request has the checks `model` and `code` as statuses, without workflow runs",
    ),
    Setting("APP_PRIVATE_KEY", "secret", "retraining fails, because it cannot use the App", "APP_CLIENT_ID"),
)


def engine(name: str | None) -> SettingFinding:
    """Whether images can be built."""
    if name:
        return SettingFinding("container engine", FINE, name)
    return SettingFinding(
        "container engine", MISSING, "neither docker nor podman",
        "`make image`, `make smoke` and `make deploy` stop; all other commands work", "Install docker or podman.",
    )  # fmt: skip


def proxy(there: bool) -> SettingFinding:
    """Whether a deployment on this machine can share requests between two images."""
    if there:
        return SettingFinding("haproxy", FINE, "installed")
    return SettingFinding(
        "haproxy", DEFAULT, "not installed", "`make deploy TARGET=local` stops; other targets do not need it",
        "apt-get install haproxy",
    )  # fmt: skip


def data(file: str, there: bool) -> SettingFinding:
    """Whether the table is here."""
    if there:
        return SettingFinding("data", FINE, file)
    return SettingFinding("data", DEFAULT, f"{file} is not here", "`make run` fetches it first", "dvc pull data.dvc")


def registry(server: str | None, branches: str | None) -> SettingFinding:
    """Whether versions have a home; `branches` is the output of `git ls-remote origin mlflow`, None if it fails."""
    if server:
        return SettingFinding("registry", FINE, f"the MLflow server {server}")
    if branches is None:
        return SettingFinding("registry", UNSEEN, "origin did not respond", "", "git ls-remote origin")
    if branches:
        return SettingFinding("registry", FINE, "branch mlflow on origin")
    return SettingFinding(
        "registry", DEFAULT, "no branch mlflow on origin yet",
        "there is no champion; the first release creates it",
        "make run && make register && make registry DO=push",
    )  # fmt: skip


def issues(repository: dict[str, Any]) -> SettingFinding:
    """Whether alerts can be sent."""
    if repository["has_issues"]:
        return SettingFinding("issues", FINE, "on")
    return SettingFinding(
        "issues",
        MISSING,
        "off, as in every new fork",
        "no issue can be opened about alerts and failed releases: their jobs fail",
        "Settings → General → Features → Issues",
    )


def actions(permissions: dict[str, Any] | None, running: bool) -> SettingFinding:
    """Whether workflows run at all; `running`: this process is a workflow job."""
    if running or (permissions and permissions["enabled"]):
        return SettingFinding("Actions", FINE, "on")
    if permissions is None:
        return SettingFinding("Actions", UNSEEN, "this token has no permission to read it", "", OWNER)
    return SettingFinding("Actions", MISSING, "off", "no workflow runs", f"{ACTIONS} → Allow all actions")


def schedules(states: dict[str, str] | None, wanted: Iterable[str]) -> Iterator[SettingFinding]:
    """Whether workflows run on schedule; `states` by file name."""
    for file in wanted:
        name, state = f"schedule of {file}", (states or {}).get(file)
        if states is None:
            yield SettingFinding(name, UNSEEN, "this token has no permission to read it", "", OWNER)
        elif state == "active":
            yield SettingFinding(name, FINE, "on")
        else:
            found = STARTED.get(state or "", state or "GitHub does not know this file on the default branch")
            cure = f"gh workflow enable {file}, or Actions → {file.removesuffix('.yml')} → Enable workflow"
            yield SettingFinding(name, MISSING, found, "it runs only when a person starts it", cure)


def quiet(repository: dict[str, Any], newest: str | None, now: datetime) -> SettingFinding:
    """The time until GitHub disables schedules; `newest` is the time of the newest commit of the default branch.

    The time of the newest push does not tell it, because the daily monitoring pushes to branch mlflow.
    """
    if newest is None:
        return SettingFinding(
            "days without a commit", UNSEEN, "the default branch has no commit", "", "git push origin"
        )
    days = (now - datetime.fromisoformat(newest).astimezone(UTC)).days
    if repository["private"]:
        return SettingFinding("days without a commit", FINE, f"{days}; this does not affect a private repository")
    found = f"{days} of {QUIET_DAYS}"
    if days < QUIET_DAYS - 14:
        return SettingFinding("days without a commit", FINE, found)
    return SettingFinding("days without a commit", MISSING, found, "GitHub disables the schedules", "Push a commit.")


def pull_requests(workflow: dict[str, Any] | None) -> SettingFinding:
    """Whether Actions may open pull requests; `workflow` is GitHub's answer on the token of workflows."""
    name = "Actions may open pull requests"
    if workflow is None:
        return SettingFinding(name, UNSEEN, "this token has no permission to read it", "", OWNER)
    if workflow["can_approve_pull_request_reviews"]:
        return SettingFinding(name, FINE, "yes")
    return SettingFinding(
        name, MISSING, "no, as in every new repository",
        "retraining opens an issue instead, with a link that opens the pull request",
        f"{ACTIONS} → Allow GitHub Actions to create and approve pull requests",
    )  # fmt: skip


def settings(known: dict[str, set[str]]) -> Iterator[SettingFinding]:
    """Settings that differ from the defaults; `known` holds the names that are set, of each visible kind."""
    everything = set().union(*known.values())
    for setting in SETTINGS:
        if setting.needs and setting.needs not in everything:
            continue
        name = f"{setting.kind} {setting.name}"
        cure = f"gh {setting.kind} set {setting.name}{' --body yes' if setting.name in ('PRODUCTION', 'PAGES') else ''}"
        if setting.name in everything:
            yield SettingFinding(name, FINE, "set")
        elif setting.kind not in known:
            yield SettingFinding(
                name, UNSEEN, "this token has no permission to read it", f"without it {setting.then}", OWNER
            )
        else:
            state = MISSING if setting.name == "APP_PRIVATE_KEY" else DEFAULT
            yield SettingFinding(name, state, "not set", setting.then, cure)


def scheduled(workflows: dict[str, str]) -> list[str]:
    """The names of the workflows with a schedule, from texts by file name."""
    return sorted(name for name, text in workflows.items() if re.search(r"^  schedule:", text, re.MULTILINE))


def told(findings: Iterable[SettingFinding]) -> Iterator[str]:
    """The lines for people: state, name and finding, then effect and action."""
    for finding in findings:
        yield f"  {finding.state:<9} {finding.name}: {finding.found}"
        if finding.state != FINE:
            yield from (f"            {word}: {text}" for word, text in _advice(finding) if text)


def _advice(finding: SettingFinding) -> Iterator[tuple[str, str]]:
    yield "then", finding.then
    yield "do", finding.cure
