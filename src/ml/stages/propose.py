"""Publish the result of a retraining on GitHub: a pull request, or an issue with the reason."""

import os
from pathlib import Path

from ml.github import alerts, github
from ml.github.ci import CHECKS
from ml.github.github import Repository
from ml.io import cli, files, git
from ml.io.errors import UserError
from ml.io.text import counted
from ml.monitoring.monitor_record import MonitorRecord
from ml.retraining import proposal, worktree
from ml.retraining.retrain_record import RetrainRecord


def main() -> None:
    """Push the branch of build/retrain.json and open or refresh its pull request; safe to repeat at any point."""
    record = RetrainRecord.read(files.RETRAIN)
    repository = github.connect(os.environ)
    if repository is None:
        raise UserError("set GITHUB_TOKEN and GITHUB_REPOSITORY=owner/name to open a pull request.")
    monitor = MonitorRecord.read(files.MONITOR) if files.MONITOR.exists() else None
    if record.outcome == "waiting":
        cli.say(f"propose: nothing to do: {' '.join(record.reasons)}")
    elif record.outcome == "refused":
        _refuse(repository, record, monitor)
    else:
        _propose(repository, record, monitor)


def _refuse(repository: Repository, record: RetrainRecord, monitor: MonitorRecord | None) -> None:
    text = proposal.refusal(record, monitor, _links(repository))
    found = github.issue(repository, alerts.REFUSED, alerts.TITLES[alerts.REFUSED], text)
    cli.tell(f"REFUSED: no pull request; {found['html_url']} gives the reason")


def _propose(repository: Repository, record: RetrainRecord, monitor: MonitorRecord | None) -> None:
    _push(record)
    checked = _check(repository, record)
    title, text = proposal.title(record), proposal.body(record, monitor, checked, _links(repository))
    try:
        pull = github.pull_request(repository, record.branch, record.base, title, text)
    except github.NotPermittedError:
        link = github.compare_link(repository, record.base, record.branch)
        found = github.issue(
            repository, alerts.BY_HAND, alerts.TITLES[alerts.BY_HAND], proposal.by_hand(record, link) + text
        )
        cli.tell(f"PROPOSED: workflows cannot open pull requests here; {found['html_url']} has the link to open it")
    else:
        _supersede(repository, pull)
        _well(repository, alerts.BY_HAND, f"#{pull['number']} is open.")
        cli.tell(f"PROPOSED: {pull['html_url']}")
    _well(repository, alerts.REFUSED, f"The retraining of {record.date} passed its gates.")


def _push(record: RetrainRecord) -> None:
    """Push the branch, unless it is already on origin; a branch with another person's commits is not overwritten."""
    branch, commit = record.branch, record.commit
    tip = (git.inside(".", "ls-remote", "origin", f"refs/heads/{branch}").split() or [""])[0]
    if tip == commit:
        return
    if tip:
        git.inside(".", "fetch", "--quiet", "--no-tags", "origin", f"refs/heads/{branch}")
        others = set(git.inside(".", "log", "--format=%ae", f"{record.base_commit}..{tip}").split()) - {git.ROBOT}
        if others:
            raise UserError(
                f"{branch} on origin holds commits by {', '.join(sorted(others))}, which a new push would overwrite. "
                "Merge or delete that branch, then run `make propose` again."
            )
    lease = f"--force-with-lease=refs/heads/{branch}:{tip}"
    git.inside(".", "push", "--quiet", lease, "origin", f"{commit}:refs/heads/{branch}")


def _check(repository: Repository, record: RetrainRecord) -> str:
    """Post the required checks as statuses if no workflow will run, and describe how the pull request is checked.

    A pull request of a job's own token starts no workflow, and a run dispatched on its branch satisfies no required
    check. So this job, which runs the code of the base branch, posts the results of its own steps: the gates for
    `model`, and for `code` the fast tests, the only tests that code.yml runs for a change of data.
    """
    both = " and ".join(f"`{check}`" for check in CHECKS)
    if repository.starts_workflows:
        return f"This pull request starts {both} automatically, because its token belongs to an App or a person."
    if unproven := _unproven(record):
        return f"{both} have no status, because {unproven}. Press *Approve workflows to run*."
    return "\n".join(f"- {_post(repository, record.commit, said)}" for said in _statuses(repository, record)) + (
        "\n\nThe job that trained the model posts these statuses, because a pull request of a job's token starts no "
        f"workflow. Code and settings are those of {record.base}: the commit changes only data and its build. *Approve "
        "workflows to run* also starts the workflows; then both status and run must pass."
    )


def _post(repository: Repository, commit: str, said: dict[str, str]) -> str:
    name = said["context"]
    if said["state"] == "pending":
        return f"`{name}` has no status: {said['description']}. Press *Approve workflows to run*."
    try:
        github.status(repository, commit, said)
    except UserError as error:
        return f"`{name}` could not be posted as a status ({error}). Press *Approve workflows to run*."
    return f"The required check `{name}` is a status of this commit: {said['description']}."


def _statuses(repository: Repository, record: RetrainRecord) -> list[dict[str, str]]:
    """The result of each required check; `TESTS` is the outcome of this job's step with the fast tests."""
    passed, count = sum(v.passed for v in record.verdicts), len(record.verdicts)
    outcome = os.environ.get("TESTS", "")
    tests = {
        "success": ("success", f"the fast tests passed on {record.base}, which has the same code"),
        "failure": ("failure", f"the fast tests fail on {record.base}, which has the same code"),
    }.get(outcome, ("pending", "no tests ran in this job"))
    said = {
        "model": ("success", f"{passed} of {counted(count, 'gate')} passed in the training job, none refuses"),
        "code": tests,
    }
    page = {"target_url": url} if (url := _run(repository)) else {}
    return [{"context": name, "state": said[name][0], "description": said[name][1], **page} for name in CHECKS]


def _unproven(record: RetrainRecord) -> str:
    """Why the results of this job do not hold for the commit; empty if it ran the same code."""
    here = git.commit() or ""
    if here != record.base_commit:  # as when the job runs again after a merge
        return f"this job ran the code of {here[:7]}, and {record.base} is at {record.base_commit[:7]} now"
    remote = worktree.own_remote(Path.cwd())
    data = ("data.dvc", "dvc.lock", f"{files.BUILD}/", *([f"{remote.relative_to(Path.cwd())}/"] if remote else []))
    changed = git.inside(".", "diff", "--name-only", "--no-renames", "-z", record.base_commit, record.commit)
    others = [path for path in changed.split("\0") if path and not path.startswith(data)]
    return f"this commit changes more than data and its build ({', '.join(others[:3])})" if others else ""


def _supersede(repository: Repository, pull: dict) -> None:
    for older in github.retrainings(repository, git.RETRAINING):
        if older["number"] != pull["number"]:
            github.close(repository, older["number"], f"Superseded by #{pull['number']}, which has newer rows.")


def _well(repository: Repository, kind: str, word: str) -> None:
    found = github.open_issue(repository, kind)
    if found:
        github.close(repository, found["number"], word)


def _links(repository: Repository) -> dict[str, str]:
    run = _run(repository)
    links = {"the run that made this": run} if run else {}
    return links | {"how retraining works": repository.page("blob/HEAD/docs/retraining.md")}


def _run(repository: Repository) -> str:
    number = os.environ.get("GITHUB_RUN_ID")
    return repository.page(f"actions/runs/{number}") if number else ""


if __name__ == "__main__":
    cli.run(main)
