"""Everything from data to verdict and report."""

import subprocess
import sys

from ml import cli, files
from ml.errors import UserError


def main() -> int:
    """Reproduce the pipeline, gate what it built, write the report, and say what to do next; exit 1 when refused."""
    if _call("dvc", "pull", "--quiet", "data.dvc"):
        cli.say("run: data.dvc could not be pulled; going on with the data that is here")
    if _call("dvc", "repro", "--quiet"):
        raise UserError("a stage failed; its message is above. Mend what it names and run `make run` again.")
    _call(sys.executable, "-m", "ml.stages.track")
    refused = _call(sys.executable, "-m", "ml.stages.gate")
    if not files.VERDICT.exists() or _call(sys.executable, "-m", "ml.stages.report"):
        raise UserError("the report could not be written; the message is above.")
    print(f"\n{'REFUSED: the gates above say why.' if refused else 'PASSED: the model may be registered.'}")
    print(f"Report: {files.REPORT} and {files.REPORT_HTML}")
    print(f"Next:   {'change params.yaml or the data, then make run' if refused else 'make register'}")
    return 1 if refused else 0


def _call(*command: str) -> int:
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    cli.run(main)
