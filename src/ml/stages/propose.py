"""Tell GitHub what a retraining came to: a pull request, or an issue that says why there is none."""

import os

from ml import cli, files, git
from ml.errors import UserError
from ml.github import alerts, github
from ml.github.github import Repository
from ml.retraining import proposal

CHECK, CI = "retrain / gates", "ci.yml"
PREFIX = "retrain/"


def main() -> None:
    """Push the branch of build/retrain.json and open or refresh its pull request; safe to repeat at any point."""
    record = files.read_json(files.RETRAIN)
    repository = github.connect(os.environ)
    if repository is None:
        raise UserError("set GITHUB_TOKEN and GITHUB_REPOSITORY=owner/name to open a pull request.")
    monitor = files.read_json(files.MONITOR) if files.MONITOR.exists() else None
    if record["outcome"] == "waiting":
        cli.say(f"propose: nothing to do: {' '.join(record['reasons'])}")
    elif record["outcome"] == "refused":
        _refuse(repository, record, monitor)
    else:
        _propose(repository, record, monitor)


def _refuse(repository: Repository, record: dict, monitor: dict | None) -> None:
    text = proposal.refusal(record, monitor, _links(repository))
    found = github.issue(repository, alerts.REFUSED, alerts.TITLES[alerts.REFUSED], text)
    print(f"REFUSED: no pull request; {found['html_url']} says why")


def _propose(repository: Repository, record: dict, monitor: dict | None) -> None:
    _push(record)
    started = _start_checks(repository, record)
    title, text = proposal.title(record), proposal.body(record, monitor, started, _links(repository))
    try:
        pull = github.pull_request(repository, record["branch"], record["base"], title, text)
    except github.NotPermittedError:
        link = github.compare_link(repository, record["base"], record["branch"])
        found = github.issue(
            repository, alerts.BY_HAND, alerts.TITLES[alerts.BY_HAND], proposal.by_hand(record, link) + text
        )
        print(f"PROPOSED: workflows may not open pull requests here; {found['html_url']} has the link to open it")
    else:
        _supersede(repository, pull)
        _well(repository, alerts.BY_HAND, f"#{pull['number']} is open.")
        print(f"PROPOSED: {pull['html_url']}")
    _well(repository, alerts.REFUSED, f"The retraining of {record['date']} passed its gates.")


def _push(record: dict) -> None:
    """Push the branch, unless it is there; a branch that somebody else has committed to is left alone."""
    branch, commit = record["branch"], record["commit"]
    tip = (git.inside(".", "ls-remote", "origin", f"refs/heads/{branch}").split() or [""])[0]
    if tip == commit:
        return
    if tip:
        git.inside(".", "fetch", "--quiet", "--no-tags", "origin", f"refs/heads/{branch}")
        others = set(git.inside(".", "log", "--format=%ae", f"{record['base_commit']}..{tip}").split()) - {git.ROBOT}
        if others:
            raise UserError(
                f"{branch} on origin holds commits by {', '.join(sorted(others))}, which a new push would lose. "
                f"Merge or delete that branch, then run `make propose` again."
            )
    lease = f"--force-with-lease=refs/heads/{branch}:{tip}"
    git.inside(".", "push", "--quiet", lease, "origin", f"{commit}:refs/heads/{branch}")


def _start_checks(repository: Repository, record: dict) -> str:
    """Start ci.yml where the pull request will not, post the gates' result, and say which happened."""
    passed = sum(v["passed"] for v in record["verdicts"])
    saying = f"{passed} of {len(record['verdicts'])} gates passed; none refuses"
    try:
        github.status(repository, record["commit"], CHECK, "success", saying)
        posted = f"The gates' result was posted on the commit as status `{CHECK}`"
    except UserError as error:
        posted = f"The gates' result could not be posted on the commit ({error})"
    if repository.starts_workflows:
        return f"This pull request starts `{CI}` by itself: its token is an App's or a person's. {posted}."
    try:
        github.dispatch(repository, CI, record["branch"], record["commit"])
    except UserError as error:
        return (
            f"`{CI}` could not be started ({error}); start it under Actions with branch `{record['branch']}`. {posted}."
        )
    return (
        f"`{CI}` was dispatched on `{record['branch']}`, since pull requests of a workflow's own token wait for the "
        f"click *Approve workflows to run*. {posted}."
    )


def _supersede(repository: Repository, pull: dict) -> None:
    for older in github.retrainings(repository, PREFIX):
        if older["number"] != pull["number"]:
            github.close(repository, older["number"], f"Superseded by #{pull['number']}, which has newer rows.")


def _well(repository: Repository, kind: str, word: str) -> None:
    found = github.open_issue(repository, kind)
    if found:
        github.close(repository, found["number"], word)


def _links(repository: Repository) -> dict[str, str]:
    home, run = f"{repository.web}/{repository.name}", os.environ.get("GITHUB_RUN_ID")
    links = {"the run that made this": f"{home}/actions/runs/{run}"} if run else {}
    return links | {"how retraining works": f"{home}/blob/HEAD/docs/retraining.md"}


if __name__ == "__main__":
    cli.run(main)
