"""The only module that runs DVC. Never `--quiet`: that hides DVC's errors as well as its progress."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ml.io import process
from ml.io.errors import UserError

AGAIN = "Fix this and run the command again."
REMOTE = "Check the remote and its credentials: `dvc remote list`. Then run the command again."


def must(*arguments: str, folder: Path | None = None, hint: str = AGAIN) -> str:
    """The output of `dvc …`; raises UserError with DVC's own message, and `hint`, if it fails."""
    done = call(*arguments, folder=folder)
    if done.returncode:
        raise UserError(f"`dvc {' '.join(arguments)}` failed: {said(done)} {hint}")
    return done.stdout


def call(
    *arguments: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> subprocess.CompletedProcess[str]:
    """A finished DVC process with its output."""
    command = [python, "-m", "dvc", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )


def repro(*flags: str, folder: Path | None = None, environment: Mapping[str, str] | None = None) -> int:
    """The exit code of `dvc repro`, which shows its own messages and those of the stages on stderr."""
    command = [sys.executable, "-m", "dvc", "repro", *flags]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # stages are run as `python -m …`
    environment = {**os.environ, **(environment or {}), "PATH": path}
    return process.finished(command, cwd=folder, env=environment, stdout=sys.stderr)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The message of a failed DVC process as one sentence."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = lines[next((n for n, line in enumerate(lines) if line.startswith("ERROR")), 0) :]
    text = " ".join(errors) or f"exit code {done.returncode}"
    return text if text.endswith(".") else f"{text}."
