"""Decide which jobs of model.yml and code.yml a change needs."""

from pathlib import Path

from ml.github import ci, runner
from ml.io import cli, git
from ml.io.markdown import table

SAMPLE = Path("tests/world/params.yaml")


def main(base: str = "") -> None:
    """Print the jobs that the changes since BASE need, and set them as outputs of the step; without BASE, all jobs."""
    paths = _changed(base) if base else None
    planned = ci.plan(paths, _template())
    for job, needed in planned.items():
        runner.output(job, str(needed).lower())
    reason = "no base to compare with" if paths is None else f"{len(paths):,} changed files"
    rows = [[job, "runs" if needed else "not needed"] for job, needed in planned.items()]
    runner.summary(table(["job", reason], rows))
    cli.say(f"ci_plan: {', '.join(job for job, needed in planned.items() if needed) or 'documents only'}")


def _template() -> bool:
    """Whether this is the template: the sample's data, the benches and the workflows' tests; a fork lacks one."""
    texts = [path.read_text(encoding="utf-8") if path.exists() else "" for path in (Path("params.yaml"), SAMPLE)]
    return all(Path(part).is_dir() for part in ("lab", "tests/workflows")) and ci.same_data(*texts)


def _changed(base: str) -> list[str]:
    """The changed paths, of a moved file both: the place that it left may be needed more than its new one."""
    changes = git.must("diff", "--name-only", "--no-renames", "-z", base, "HEAD")
    return [path for path in changes.decode().split("\0") if path]


if __name__ == "__main__":
    cli.run(main)
