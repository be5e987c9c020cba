"""Required check: every job of model.yml, or of code.yml, has its planned result."""

import json
import os

from ml.github import ci, runner
from ml.io import cli
from ml.io.errors import UserError
from ml.io.markdown import table


def main() -> int:
    """Check the jobs in the variable NEEDS, GitHub's `toJSON(needs)`; exit with 1 and list each failed job."""
    try:
        needs = json.loads(os.environ["NEEDS"])
    except (KeyError, ValueError):
        raise UserError("NEEDS is not the JSON of `toJSON(needs)`; model.yml and code.yml set it.") from None
    faults = ci.faults(needs)
    rows = [[job, record["result"], ci.advice(job) if job in faults else ""] for job, record in needs.items()]
    runner.summary(table(["job", "result", "what next"], rows))
    for job, fault in faults.items():
        cli.say(f"ci_result: {job}: {fault}. Next: {ci.advice(job)}")
    cli.tell("FAILED" if faults else "PASSED: every job has its planned result")
    return 1 if faults else 0


if __name__ == "__main__":
    cli.run(main)
