"""The only module that asks git: what the repository holds at another revision, and where we are."""

import subprocess
from pathlib import Path


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
