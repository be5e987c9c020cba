"""Run all stages from data to verdict and report."""

from importlib import import_module
from pathlib import Path

from ml.io import cli, dvc, files, locks
from ml.io.errors import UserError
from ml.model import committed, lineage
from ml.settings.params import read_params

ANEW = ("--force", "--no-run-cache")


def main() -> int:
    """Run the pipeline, judge the build, write the report, and print the next step; exit with 1 if refused.

    With CI=true every stage runs, regardless of caches, remotes and dvc.lock, because a pull request may have written
    to them. A commit whose outputs cannot be reproduced is refused.
    """
    anew = locks.in_ci()
    _fetch_data(Path(read_params().data.file))
    if not anew and not files.TEST.exists():  # a fresh clone: cached outputs need not be built again
        dvc.call("checkout", "--allow-missing", "dvc.yaml")
    if dvc.repro(*(ANEW if anew else ())):
        if files.VALIDATION.exists():
            _stage("report")
        raise UserError("the pipeline failed; the message is printed above. Fix its cause and run `make run` again.")
    _stage("track")  # a clone of a tracked model has no MLflow run of it yet, and DVC finds no change
    refused = _stage("gate")
    if refused not in {0, 1} or _stage("report"):
        raise UserError("there is no verdict or no report; the message is printed above.")
    unlike = committed.unlike() if anew else []
    for sentence in unlike:
        cli.say(f"run: the new build differs from the committed one: {sentence}")
    refused = refused or bool(unlike)
    cli.tell(f"\n{'REFUSED: the lines above give the reasons.' if refused else 'PASSED: the model may be registered.'}")
    cli.tell(f"Report: {files.REPORT} and {files.REPORT_HTML}")
    cli.tell(f"Next:   {'change params.yaml or the data, then make run' if refused else _next()}")
    return 1 if refused else 0


def _fetch_data(table: Path) -> None:
    """Fetch the data of data.dvc, unless there is a table that no commit contains."""
    old = locks.superseded(table) if table.exists() else ""
    if old:
        cli.say(f"run: {table} is the table of commit {old}; the table of data.dvc is fetched")
    if old or not table.exists():
        dvc.must("pull", "data.dvc", hint=f"It did not fetch {table}. {dvc.REMOTE}")
    wrong = committed.wrong_data() if locks.in_ci() else []
    if wrong:
        raise UserError(
            f"{'; '.join(wrong)}. A cache or remote has other bytes under that digest: push the correct ones."
        )


def _next() -> str:
    changed = lineage.changed()
    names = f"{', '.join(changed[:3])}{', …' if changed[3:] else ''}"
    return f"commit what changed ({names}) and dvc push, then make register" if changed else "make register"


def _stage(name: str) -> int:
    """The exit code of another stage, run in this process because imports take longer than the work."""
    code = cli.outcome(import_module(f"ml.stages.{name}").main, name)
    if code in {cli.INTERRUPTED, cli.TERMINATED}:
        raise cli.Terminated if code == cli.TERMINATED else KeyboardInterrupt
    return code


if __name__ == "__main__":
    cli.run(main)
