"""The jobs that a change needs, and the comparison of a run's jobs with the plan."""

import re
from collections.abc import Iterable
from typing import Any

from ml.io.markdown import Markup

PROSE = ("docs/", ".github/ISSUE_TEMPLATE/")
PROSE_FILES = (".md", "LICENSE", "CODEOWNERS")
MODEL = ("params.yaml", "data.dvc", "data/", "dvc.lock", ".dvc/remote/", "build/", "src/features.py")
MACHINERY = (
    ".ci/", ".github/", "lab/", "tests/github/", "tests/lab/", "tests/workflows/", "src/ml/github/",
    "src/ml/stages/ci_",
)  # fmt: skip
OWN = (".github/workflows/model.yml", ".github/actions/")  # a change of the rules of judgement runs it
CHECKS = ("model", "code")  # the required checks: the last job of model.yml and of code.yml
OPTIONAL = ("pipeline", "fast", "prove", "tests", "workflows")  # jobs that some changes do not need

NEXT = {
    "lint": "`make lint` reproduces it on your machine; `ruff format .` fixes the formatting",
    "fast": "`make test-fast`",
    "prove": "`make prove` names the gate that misses its fault",
    "tests": "`make test`",
    "pipeline": "read the report below to find the refusing gate, change settings or data, and run `make run`",
    "workflows": "`make test-workflows`",
}
NEXT_OF_STEP = {
    "Build the image": "`make image` reproduces it on your machine",
    "Start the image and check it": "`make smoke` names the failed check of the image",
}


def plan(paths: Iterable[str] | None, template: bool = True) -> dict[str, bool]:
    """The optional jobs that a change of these paths needs; all of them if the paths are unknown.

    Settings, data and features can break the model and the fast tests. The template's own machinery has tests that a
    fork (`template` is False) never runs. Any other code can break everything.
    """
    code = [path for path in paths or () if not path.startswith(PROSE) and not path.endswith(PROSE_FILES)]
    everything = paths is None or any(not path.startswith(MODEL + MACHINERY) for path in code)
    model = everything or any(path.startswith(MODEL + OWN) for path in code)
    return {
        "pipeline": model,
        "fast": bool(code) and not everything,
        "prove": model and not everything,  # the whole suite has it
        "tests": everything,
        "workflows": template and (everything or any(path.startswith(MACHINERY) for path in code)),
    }


def same_data(params: str, sample: str) -> bool:
    """Whether two texts of params.yaml describe the same data; needs no package, because the job `plan` has none."""
    return _data(params) == _data(sample) != []


def faults(needs: dict[str, Any]) -> dict[str, str]:
    """The jobs without their planned result, each with the difference; `needs` is GitHub's object of that name.

    A job whose name is an output of the job `plan` must succeed if that is `true` and be skipped if it is `false`.
    """
    planned = needs.get("plan", {}).get("outputs", {})
    found = {}
    for job, record in needs.items():
        wanted = "skipped" if planned.get(job) == "false" else "success"
        if record["result"] != wanted:
            found[job] = f"{record['result']}, planned: {wanted}"
    return found


def advice(job: str, step: str = "") -> Markup:
    """The advice for a failed step of a job of model.yml or code.yml."""
    return Markup(NEXT_OF_STEP.get(step) or NEXT.get(job, "open the run and read the failed step"))


def _data(text: str) -> list[str]:
    """The section `data` of params.yaml without comments and blank lines."""
    section = re.search(r"^data:.*\n(?:[ \t#].*\n|\n)*", f"{text}\n", re.MULTILINE)
    lines = [re.sub(r"\s+#.*$", "", line).rstrip() for line in (section[0] if section else "").splitlines()]
    return [line for line in lines if line]
