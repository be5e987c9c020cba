"""Kinds of alerts: the title and text of each issue, and when it closes; one issue per kind."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ml.github.fork_settings import STARTED
from ml.io.markdown import paragraph, table
from ml.monitoring.monitor_record import MonitorRecord

DRIFT, DEGRADED, SOURCE, SCHEDULE = "drift", "degraded", "silent-source", "silent-schedule"
REFUSED, BY_HAND = "retraining-refused", "open-by-hand"
FAILED = {
    "release": "failed-release",
    "monitor": "failed-monitor",
    "reproduce": "not-reproduced",
    "newest": "newest-packages",
}
FAILED |= {"batch": "failed-batch"}
PROOF = {"release": "production", "monitor": "monitor", "reproduce": "reproduce", "newest": "newest", "batch": "score"}
ASKS = "approval"  # the job of a release that waits for a person
TITLES = {
    DRIFT: "Drift: inputs or predictions have shifted and no retraining is open",
    DEGRADED: "Degraded: the model is worse than at its release",
    SOURCE: "Silent source: no new predictions arrive",
    SCHEDULE: "Silent schedule: monitoring has stopped running",
    REFUSED: "Refused: the retrained model may not be merged",
    BY_HAND: "A retrained model waits for its pull request",
    FAILED["release"]: "A release failed",
    FAILED["monitor"]: "Monitoring failed",
    FAILED["reproduce"]: "The champion cannot be built again",
    FAILED["batch"]: "Batch scoring failed",
    FAILED["newest"]: "A test fails with the newest allowed packages",
}
NEXT = {
    "release": "The previous version still serves: a failed deployment is rolled back automatically, and "
    "the champion is unchanged. Fix the cause that the failed step prints, then choose *Re-run "
    "failed jobs*: finished steps are not repeated. After a day choose *Re-run all jobs*, because the build is kept "
    "for one day.",
    "monitor": "Read the failed step, then run it again: finished steps are not repeated.",
    "reproduce": "The failed step says `different` with the largest difference and its possible causes, or "
    "names the missing commit, data or package. docs/registry.md explains each result.",
    "batch": "No score was published. The failed step names the wrong rows, model or location; "
    "docs/scoring.md explains each. Fix it and run the workflow again.",
    "newest": "The locked versions in `src/locks/` still work, so releases are not affected. `make "
    "locks` and `git diff src/locks` show the changed packages. Fix the code, or cap the "
    "package in pyproject.toml with a comment that gives the reason.",
}
WATCHED = (DRIFT, DEGRADED, SOURCE)  # kinds that a monitoring verdict opens and closes


@dataclass(frozen=True)
class Trouble:
    """One kind of problem with its details."""

    kind: str
    text: str

    @property
    def title(self) -> str:
        """The title of its issue."""
        return TITLES[self.kind]


def of_monitoring(monitor: MonitorRecord, proposed: str | None) -> dict[str, Trouble]:
    """The problems in a monitoring verdict, by kind; `proposed` is the open pull request about it."""
    found = {}
    if monitor.silent:
        text = (
            f"{paragraph(monitor.reason)}\n\nCheck that the server runs and writes to the place "
            "that `monitor.source` reads."
        )
        found[SOURCE] = Trouble(SOURCE, text)
    if not monitor.confirmed:
        return found
    if monitor.verdict == "degraded":
        found[DEGRADED] = Trouble(DEGRADED, _told(monitor, proposed))
    if monitor.verdict == "drift" and not proposed:
        found[DRIFT] = Trouble(DRIFT, _told(monitor, proposed))
    return found


def of_schedule(state: str, last: str | None, now: datetime, days: float) -> Trouble | None:
    """A problem if a scheduled workflow is disabled or has not run for some days; `last` in GitHub's time format."""
    if state == "disabled_fork":
        return None  # a new fork, in which nothing has stopped: `make doctor` reports it
    if state != "active":
        why = f"GitHub reports the workflow as `{state}`: {STARTED.get(state, 'it does not run')}."
        return Trouble(SCHEDULE, f"{why}\n\nEnable it again under Actions, or `gh workflow enable`.")
    if last is None:
        return None  # a new repository: it has never run, so it has not stopped
    age = now - datetime.fromisoformat(last).astimezone(UTC)
    if age.total_seconds() <= days * 86_400:
        return None
    why = (
        f"It last ran by schedule at {last}, {age.total_seconds() / 86_400:.1f} days ago (alert.silent_days {days:g})."
    )
    return Trouble(SCHEDULE, f"{why}\n\nLook under Actions for failed or waiting runs.")


def proven(workflow: str, needs: dict[str, Any]) -> bool:
    """Whether a run shows that the problem is over: its decisive job must have run, not been skipped."""
    return needs.get(PROOF[workflow], {}).get("result") == "success"


def of_jobs(workflow: str, needs: dict[str, Any], run: str) -> Trouble | None:
    """A problem if jobs of a run did not succeed; `needs` is GitHub's object of that name, `run` the run's address.

    An approval job fails if a person rejects it or nobody answers: that is a decision, not a problem.
    """
    rows = [[job, record["result"]] for job, record in needs.items()]
    if all(result in {"success", "skipped"} for job, result in rows if job != ASKS):
        return None
    return Trouble(FAILED[workflow], f"{table(['job', 'result'], rows)}\n{run}\n\n{NEXT[workflow]}")


def _told(monitor: MonitorRecord, proposed: str | None) -> str:
    text = f"{paragraph(monitor.reason)}\n\n"
    if rows := [[c.column, c.reason] for c in monitor.moved]:
        text += table(["column", "change"], rows) + "\n"
    return text + (f"A retrained model waits in {proposed}." if proposed else "No retraining pull request is open.")
