"""The only module that asks git: what the repository holds at another revision, and where we are."""

import os
import subprocess
from pathlib import Path

from ml.io.errors import UserError

RETRAINING = "retrain/"  # of the branches of retrained models
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


def commit() -> str | None:
    """The commit that is checked out, or None where there is none."""
    found = ask("rev-parse", "HEAD")
    return found.strip() if found else None


def base(name: str) -> str | None:
    """The newest known revision of branch `name`: the one of origin where there is one, else the local one."""
    found = (ask("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}") for ref in (f"origin/{name}", name))
    return next((commit.strip() for commit in found if commit), None)


def must(*arguments: str, data: bytes | None = None) -> bytes:
    """What git prints when it is given `data`; raises UserError with what it says when it fails."""
    done = call(*arguments, data=data)
    if done.returncode:
        raise UserError(f"git {' '.join(arguments)[:60]} failed: {said(done)}")
    return done.stdout


def call(*arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """A finished git that never asks for a password, and names who commits where no user is configured."""
    named = _unnamed() if {"commit", "commit-tree"} & {*arguments} else {}
    environment = named | os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(["git", *arguments], input=data, capture_output=True, check=False, env=environment)


def _unnamed() -> dict[str, str]:
    """Names for the author and the committer that git's settings lack: the environment goes before settings."""
    defaults = {"name": "registry", "email": "registry@localhost"}
    lacking = {key: value for key, value in defaults.items() if not ask("config", f"user.{key}")}
    return {f"GIT_{role}_{key.upper()}": v for role in ("AUTHOR", "COMMITTER") for key, v in lacking.items()}


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """The message of a git that failed, as a sentence."""
    text = " ".join(done.stderr.decode(errors="replace").split()) or f"exit code {done.returncode}"
    return text if text.endswith(".") else f"{text}."


def inside(folder: Path | str, *arguments: str, **environment: str) -> str:
    """What git prints in another folder; raises UserError with what it says when it fails."""
    command = ["git", "-C", str(folder), *arguments]
    settings = os.environ | {"GIT_TERMINAL_PROMPT": "0"} | environment
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8", env=settings)
    if done.returncode:
        raise UserError(f"git {arguments[0]} failed: {' '.join(done.stderr.split())}")
    return done.stdout.strip()
