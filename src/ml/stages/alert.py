"""Open, refresh and close one issue for each kind of trouble, and tell the chat what is new."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime

from ml import alerts, cli, files, github, webhook
from ml.alerts import Trouble
from ml.errors import UserError
from ml.github import Repository
from ml.params import read_params


def main(schedule: bool = False) -> None:
    """Compare build/monitor.json with the open issues; SCHEDULE asks instead whether alert.workflow still runs.

    Let another workflow ask: one that has fallen silent cannot say so itself.
    """
    repository = github.connect(os.environ)
    if repository is None:
        raise UserError("set GITHUB_TOKEN and GITHUB_REPOSITORY=owner/name, so that alerts have a place to go.")
    if schedule:
        rule = read_params().alert
        state, last = github.newest_run(repository, rule.workflow)
        found = alerts.of_schedule(state, last, datetime.now(UTC), rule.silent_days)
        _tell(repository, [alerts.SCHEDULE], {found.kind: found} if found else {}, "It runs again.")
        return
    monitor = files.read_json(files.MONITOR)
    opened = github.retrainings(repository, "retrain/")
    troubles = alerts.of_monitoring(monitor, opened[0]["html_url"] if opened else None)
    _tell(repository, alerts.WATCHED, troubles, f"Over: the verdict is now {monitor['verdict']}.")


def _tell(repository: Repository, kinds: Iterable[str], troubles: dict[str, Trouble], word: str) -> None:
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
    if not troubles:
        cli.say("alert: no trouble")


def _chat(text: str) -> None:
    if url := os.environ.get("ALERT_WEBHOOK"):
        webhook.post(url, text)


if __name__ == "__main__":
    cli.run(main)
