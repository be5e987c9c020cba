"""The output of a job for the runner of GitHub Actions: outputs for other jobs, and the summary for people.

Elsewhere both functions do nothing, so that a stage needs only one code path.
"""

import os
from pathlib import Path

from ml.io import files


def output(name: str, value: str) -> None:
    """Set an output of the step; the value is one line."""
    _append("GITHUB_OUTPUT", f"{name}={' '.join(value.split())}\n")


def summary(text: str) -> None:
    """Add Markdown to the summary of the step."""
    _append("GITHUB_STEP_SUMMARY", f"{text.rstrip()}\n\n")


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        files.append_text(text, Path(path))
