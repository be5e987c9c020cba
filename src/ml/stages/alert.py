"""Open, refresh and close one issue for each kind of problem, and send new ones to the chat."""

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from ml.github import alerts, github, webhook
from ml.github.alerts import Trouble
from ml.github.github import Repository
from ml.io import cli, files, git
from ml.io.errors import UserError
from ml.monitoring.monitor_record import MonitorRecord
from ml.settings.params import read_params


def main(schedule: bool = False, jobs: str = "") -> None:
    """Update issues by build/monitor.json; with SCHEDULE or JOBS, check a schedule or the jobs of a run instead.

    SCHEDULE checks that alert.workflow still runs: call it from another workflow, because a workflow that has stopped
    cannot report it. JOBS=release checks that all jobs in the variable NEEDS, GitHub's `toJSON(needs)`, succeeded.
    """
    repository = github.connect(os.environ)
    if repository is None:
        raise UserError("set GITHUB_TOKEN and GITHUB_REPOSITORY=owner/name, so that alerts can open issues.")
    if schedule:
        _schedule(repository)
    elif jobs:
        _jobs(repository, jobs)
    else:
        _monitoring(repository)


def _monitoring(repository: Repository) -> None:
    monitor = MonitorRecord.read(files.MONITOR)
    opened = github.retrainings(repository, git.RETRAINING)
    troubles = alerts.of_monitoring(monitor, opened[0]["html_url"] if opened else None)
    if run := os.environ.get("GITHUB_RUN_ID"):
        page = repository.page(f"actions/runs/{run}")
        troubles = {kind: replace(found, text=f"{found.text}\n\nReport: {page}") for kind, found in troubles.items()}
    _tell(repository, alerts.WATCHED, troubles, f"Resolved: the verdict is now {monitor.verdict}.")


def _schedule(repository: Repository) -> None:
    rule = read_params().alert
    state, last = github.newest_run(repository, rule.workflow)
    found = alerts.of_schedule(state, last, datetime.now(UTC), rule.silent_days)
    _tell(repository, [alerts.SCHEDULE], {found.kind: found} if found else {}, "It runs again.")


def _jobs(repository: Repository, workflow: str) -> None:
    if workflow not in alerts.FAILED:
        raise UserError(f"JOBS is one of {', '.join(alerts.FAILED)}, not {workflow}.")
    try:
        needs = json.loads(os.environ["NEEDS"])
    except (KeyError, ValueError):
        raise UserError("NEEDS is not the JSON of `toJSON(needs)`; in a workflow the last job sets it.") from None
    run = repository.page(f"actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}")
    found = alerts.of_jobs(workflow, needs, run)
    if found or alerts.proven(workflow, needs):
        _tell(repository, [alerts.FAILED[workflow]], {found.kind: found} if found else {}, f"The run succeeded: {run}")


def _tell(repository: Repository, kinds: Iterable[str], troubles: dict[str, Trouble], word: str) -> None:
    try:
        _compare(repository, kinds, troubles, word)
    except github.IssuesOffError:
        if troubles:
            raise
        cli.say("alert: issues are disabled, so the next alert cannot be opened: make doctor")
    if not troubles:
        cli.say("alert: no problem")


def _compare(repository: Repository, kinds: Iterable[str], troubles: dict[str, Trouble], word: str) -> None:
    for kind in kinds:
        found, trouble = github.open_issue(repository, kind), troubles.get(kind)
        if trouble:
            url = github.issue(repository, kind, trouble.title, trouble.text)["html_url"]
            cli.say(f"alert: {'still' if found else 'new'}: {trouble.title} ({url})")
            if not found:
                _chat(f"{repository.name}: {trouble.title}. {url}")
        elif found:
            github.close(repository, found["number"], word)
            cli.say(f"alert: closed: {alerts.TITLES[kind]}")
            _chat(f"{repository.name}: closed: {alerts.TITLES[kind]}. {word}")


def _chat(text: str) -> None:
    if url := os.environ.get("ALERT_WEBHOOK"):
        webhook.post(url, text)


if __name__ == "__main__":
    cli.run(main)
