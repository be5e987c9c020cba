"""The only module that asks git: what the repository holds at another revision, and where we are."""

import os
import subprocess
from pathlib import Path

from ml.errors import UserError

ROBOT = "retrain@localhost"  # who commits to branches that a machine owns


def ask(*arguments: str) -> str | None:
    """What `git …` prints, or None when it fails or there is no git."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, encoding="utf-8")
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def show(revision: str, path: Path | str) -> str | None:
    """The text of a file at a revision, or None when it is not there."""
    return ask("show", f"{revision}:{Path(path).as_posix()}")


def base(name: str) -> str | None:
    """The newest known revision of branch `name`: the one of origin where there is one, else the local one."""
    found = (ask("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}") for ref in (f"origin/{name}", name))
    return next((commit.strip() for commit in found if commit), None)


def inside(folder: Path | str, *arguments: str, **environment: str) -> str:
    """What git prints in another folder; raises UserError with what it says when it fails."""
    command = ["git", "-C", str(folder), *arguments]
    settings = os.environ | {"GIT_TERMINAL_PROMPT": "0"} | environment
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8", env=settings)
    if done.returncode:
        raise UserError(f"git {arguments[0]} failed: {' '.join(done.stderr.split())}")
    return done.stdout.strip()
