"""The only module that calls git: the content of the repository at a revision, and the current commit."""

import os
import subprocess
from pathlib import Path
from typing import Any

from ml.io.errors import UserError

AGAIN = "Fix this and run the command again."
RETRAINING = "retrain/"  # of the branches of retrained models
TEXT: Any = {"text": True, "encoding": "utf-8", "errors": "backslashreplace"}  # a message may be of other bytes
ROBOT = "retrain@localhost"  # the author of commits on automated branches


def ask(*arguments: str) -> str | None:
    """The output of `git …`, or None if it fails or git is missing."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False, **TEXT)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def show(revision: str, path: Path | str) -> str | None:
    """The text of a file at a revision, or None if it does not exist."""
    return ask("show", f"{revision}:{Path(path).as_posix()}")


def commit() -> str | None:
    """The checked-out commit, or None."""
    found = ask("rev-parse", "HEAD")
    return found.strip() if found else None


def changed(*paths: Path | str, new: bool = True) -> list[str] | None:
    """The names of files that differ from the commit, `new` ones too; None outside a repository."""
    untracked = "normal" if new else "no"
    status = ask(
        "status", "--porcelain", "-z", "--no-renames", f"--untracked-files={untracked}", "--", *map(str, paths)
    )
    return None if status is None else sorted(entry[3:] for entry in status.split("\0") if entry)


def base(name: str) -> str | None:
    """The newest known revision of branch `name`: that of origin if it exists, otherwise the local one."""
    found = (ask("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}") for ref in (f"origin/{name}", name))
    return next((commit.strip() for commit in found if commit), None)


def must(*arguments: str, data: bytes | None = None) -> bytes:
    """The output of git with `data` as its input; raises UserError with git's message if it fails."""
    done = call(*arguments, data=data)
    if done.returncode:
        raise UserError(f"git {' '.join(arguments)[:60]} failed: {said(done)} {AGAIN}")
    return done.stdout


def call(*arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """A finished git process that never asks for a password and has a default author."""
    named = _unnamed() if {"commit", "commit-tree"} & {*arguments} else {}
    environment = named | os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(["git", *arguments], input=data, capture_output=True, check=False, env=environment)


def _unnamed() -> dict[str, str]:
    """Default names of the author and the committer if git's settings have none; the environment overrides settings."""
    defaults = {"name": "registry", "email": "registry@localhost"}
    lacking = {key: value for key, value in defaults.items() if not ask("config", f"user.{key}")}
    return {f"GIT_{role}_{key.upper()}": v for role in ("AUTHOR", "COMMITTER") for key, v in lacking.items()}


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """The message of a failed git process as one sentence."""
    text = " ".join(done.stderr.decode(errors="replace").split()) or f"exit code {done.returncode}"
    return text if text.endswith(".") else f"{text}."


def inside(folder: Path | str, *arguments: str, **environment: str) -> str:
    """The output of git in another folder; raises UserError with git's message if it fails."""
    command = ["git", "-C", str(folder), *arguments]
    settings = os.environ | {"GIT_TERMINAL_PROMPT": "0"} | environment
    done = subprocess.run(command, capture_output=True, check=False, env=settings, **TEXT)
    if done.returncode:
        raise UserError(f"git {arguments[0]} failed: {' '.join(done.stderr.split()).rstrip('.')}. {AGAIN}")
    return done.stdout.strip()
