"""Write the results of model.yml and code.yml into one comment on their pull request."""

import os

from ml.github import artifact, ci, comment, github, runs
from ml.github.github import Repository
from ml.io import cli
from ml.io.errors import UserError

WORKFLOWS = {name: f"{name}.yml" for name in ci.CHECKS}
ARCHIVE, TEXT = 1_000_000, 200_000  # bytes of the artifact and of the report in it


def main(run: int = 0) -> None:
    """Write or refresh the comment for the commit of RUN; the run may be of a fork, so its data is not trusted."""
    if not run:
        raise UserError("set the run: make ci-comment RUN=123.")
    repository = github.connect(os.environ)
    if repository is None:
        raise UserError("set GITHUB_TOKEN and GITHUB_REPOSITORY=owner/name to write a comment.")
    found = runs.run(repository, run)
    if not any(runs.is_of(found, file) for file in WORKFLOWS.values()):
        raise UserError(f"run {run} is of {found['path']}, not of {' or '.join(WORKFLOWS.values())}.")
    pulls = runs.pull_requests(repository, found)
    if not pulls:
        cli.say(
            f"ci_comment: no open pull request has {found['head_sha'][:7]} as its newest commit: no comment is needed"
        )
        return
    text = _text(repository, found)
    for pull in pulls:
        github.comment(repository, pull["number"], "report", text)
        cli.say(f"ci_comment: {pull['html_url']}")


def _text(repository: Repository, found: dict) -> str:
    newest = {name: runs.beside(repository, found, file) for name, file in WORKFLOWS.items()}
    ended = [run for run in newest.values() if run and run["status"] == "completed"]
    jobs = [job for run in ended for job in runs.jobs(repository, run["id"])]
    model = newest["model"]
    kept = runs.artifacts(repository, model["id"]) if model and model in ended else {}
    page = kept.get("report.html")
    link = repository.page(f"actions/runs/{model['id']}/artifacts/{page['id']}") if page and model else None
    return comment.compose(newest, jobs, _report(repository, kept), link)


def _report(repository: Repository, kept: dict) -> str:
    if "report" not in kept:
        return ""
    try:
        return artifact.text(runs.content(repository, kept["report"], ARCHIVE), "report.md", TEXT)
    except UserError as error:
        return f"The report of this run is not shown: {error}"


if __name__ == "__main__":
    cli.run(main)
