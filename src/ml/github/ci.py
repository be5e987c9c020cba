"""Which jobs a change needs, and whether the jobs of a run came out as planned."""

from collections.abc import Iterable
from typing import Any

from ml.io.markdown import Markup

PROSE = ("docs/", ".github/ISSUE_TEMPLATE/")
PROSE_FILES = (".md", "LICENSE", "CODEOWNERS")
WORKFLOWS = (".github/", "tests/workflows/", "tests/github/", "tools/", "Makefile", "pyproject.toml")
BEHIND = ("src/ml/github/", "src/ml/stages/ci_")
OPTIONAL = ("tests", "pipeline", "workflows")  # the jobs of ci.yml that a change may do without

NEXT = {
    "lint": "`make lint` shows it here and now; `ruff format .` mends the formatting",
    "tests": "`make test`",
    "pipeline": "read the report below for the gate that refuses, change settings or data, `make run`",
    "workflows": "`make test-workflows`",
}
NEXT_OF_STEP = {
    "Prove the gates": "`make prove` names the gate that lets its fault pass",
    "Build the image": "`make image` shows it here and now",
    "Start the image and check it": "`make smoke` names the promise that the image breaks",
}


def plan(paths: Iterable[str] | None) -> dict[str, bool]:
    """Which optional jobs are needed for changes to these paths; all of them when the paths are not known."""
    if paths is None:
        return dict.fromkeys(OPTIONAL, True)
    code = [path for path in paths if not path.startswith(PROSE) and not path.endswith(PROSE_FILES)]
    return {
        "tests": bool(code),
        "pipeline": bool(code),
        "workflows": any(path.startswith(WORKFLOWS + BEHIND) for path in code),
    }


def faults(needs: dict[str, Any]) -> dict[str, str]:
    """The jobs that did not come out as planned, each with what is wrong; `needs` is what GitHub calls so.

    A job whose name is an output of the job `plan` must succeed when that is `true` and be skipped when it is `false`.
    """
    planned = needs.get("plan", {}).get("outputs", {})
    found = {}
    for job, record in needs.items():
        wanted = "skipped" if planned.get(job) == "false" else "success"
        if record["result"] != wanted:
            found[job] = f"{record['result']}, where {wanted} was planned"
    return found


def advice(job: str, step: str = "") -> Markup:
    """What to do when a step of a job of ci.yml has failed."""
    return Markup(NEXT_OF_STEP.get(step) or NEXT.get(job, "open the run and read the failed step"))
