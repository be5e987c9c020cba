"""The lock files compared with the current state, as DVC, git, pip and pyproject.toml report it."""

import json
import os
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ml.io import dvc, files, git

LOCKS = Path("src/locks")
PIPELINE = LOCKS / "pipeline.txt"
ESTIMATORS = tuple(LOCKS / f"{name}.txt" for name in ("lightgbm", "xgboost", "catboost"))  # if installed
PROJECT = Path("pyproject.toml")


@dataclass(frozen=True)
class Locks:
    """Differences between the lock files and the current state; None if unknown."""

    dvc: dict[str, Any] | None  # `dvc status --json`: {} when dvc.lock and data.dvc match
    uncommitted: list[str] | None  # lock files that differ from the last commit
    pins: dict[str, str]  # of src/locks/pipeline.txt and the libraries of estimators
    installed: dict[str, str]  # the same packages here
    unmet: list[str]  # requirements of pyproject.toml that the pins do not satisfy
    ci: bool = False


def read() -> Locks:
    """The state of dvc.lock, data.dvc and src/locks/ in this working tree."""
    held = pins(_text(PIPELINE))
    if held:
        held |= {
            name: pin for lock in ESTIMATORS for name, pin in pins(_text(lock)).items() if name.startswith(lock.stem)
        }
    return Locks(
        dvc=_dvc_status(),
        uncommitted=git.changed("dvc.lock", "data.dvc", LOCKS),
        pins=held,
        installed={name: here for name in held if (here := _installed(name))},
        unmet=unmet(_text(PROJECT), {path.stem: path.read_text(encoding="utf-8") for path in LOCKS.glob("*.txt")}),
        ci=in_ci(),
    )


def in_ci() -> bool:
    """Whether this is a CI machine: GitHub and most other services set CI=true."""
    return os.environ.get("CI", "").lower() in {"true", "1"}


def superseded(table: Path) -> str:
    """The commit that recorded this table if the checked-out commit records another one; otherwise empty.

    Git changes data.dvc but not the data: after a merge the previous table would look like a new one.
    """
    digest = files.digest(table)
    if digest in (git.show("HEAD", "dvc.lock") or digest) or git.ask("status", "--porcelain", "--", "data.dvc"):
        return ""
    return (git.ask("log", "-1", "--all", "--format=%h", f"-S{digest}", "--", "dvc.lock") or "").strip()


def pins(lock: str, target: dict[str, str] | None = None) -> dict[str, str]:
    """Version by package of a compiled lock file, for this Python on this system or the markers of another."""
    lines = (line.split("\\")[0].strip() for line in lock.splitlines() if line[:1].isalnum())
    wanted = (Requirement(line) for line in lines)
    return {
        canonicalize_name(r.name): next(iter(r.specifier)).version
        for r in wanted
        if len(r.specifier) == 1 and (r.marker is None or r.marker.evaluate(target))
    }


def unmet(project: str, locks: dict[str, str]) -> list[str]:
    """The requirements of each extra of pyproject.toml that are missing in the lock file of its name."""
    found = tomllib.loads(project).get("project", {})
    extras, own = found.get("optional-dependencies", {}), found.get("name", "")
    missing = []
    for name in sorted(extras.keys() & locks.keys()):
        held = pins(locks[name])
        for line in [*found.get("dependencies", []), *extras[name]]:
            wanted = Requirement(line)
            if wanted.name == own or (wanted.marker and not wanted.marker.evaluate()):
                continue
            have = held.get(canonicalize_name(wanted.name))
            if have is None or not wanted.specifier.contains(have, prereleases=True):
                missing.append(f"{line} (src/locks/{name}.txt: {have or 'absent'})")
    return missing


def _dvc_status() -> dict | None:
    done = dvc.call("status", "--json")
    return json.loads(done.stdout) if done.returncode == 0 else None


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
