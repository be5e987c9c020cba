"""A version rebuilt from its lineage: the recorded commit, locks and data, in a separate worktree."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ml.io import dvc, files, tables
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import identity, lineage, model, model_file
from ml.registry.ledger import Version
from ml.settings.params import Params

MAKE_VENV = Path("src/tools/make_venv.py")
EQUIVALENT = 1e-6  # smaller differences of scores count as equal


@dataclass(frozen=True)
class RebuildComparison:
    """The result of a rebuild: `identical`, `equivalent` or `different`, and a sentence about it."""

    outcome: str
    detail: str


@contextmanager
def worktree(commit: str) -> Generator[Path]:
    """A temporary checkout of a commit outside the working tree; raises UserError when git lacks the commit."""
    if _call("git", "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        _call("git", "fetch", "--quiet", "origin", commit)
    if _call("git", "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise UserError(
            f"commit {commit} is not in this clone, and origin does not have it. Fetch the branch that contained it."
        )
    with tempfile.TemporaryDirectory(prefix="reproduce-") as folder:
        place = Path(folder) / "tree"
        _must(_call("git", "worktree", "add", "--quiet", "--detach", str(place), commit), "git worktree add")
        try:
            yield place
        finally:
            _call("git", "worktree", "remove", "--force", str(place))


def fetch_data(place: Path, version: Version) -> None:
    """Fetch the recorded data into a worktree; raises UserError when it is missing or has another digest."""
    recorded = version.lineage.data
    if not (place / recorded.file).resolve().is_relative_to(place.resolve()):
        raise UserError(
            f"the record of version {version.number} names data outside the repository: {recorded.file}. Register a "
            "version whose data.file is in the repository."
        )
    if Path(".dvc/config.local").exists():  # holds the credentials of DVC remotes
        shutil.copy(".dvc/config.local", place / ".dvc")
    dvc.must("cache", "dir", "--local", str(Path(".dvc/cache").resolve()), folder=place)
    pulled = dvc.call("pull", "data.dvc", folder=place)
    found = lineage.md5(place / recorded.file)
    if found is None:
        raise UserError(
            f"the data of version {version.number} cannot be fetched: {recorded.file} with MD5 "
            f"{recorded.md5} is in no DVC remote or cache here "
            f"({dvc.said(pulled).rstrip('.')}). Run `dvc push` on a machine that has it."
        )
    if found != recorded.md5:
        raise UserError(
            f"{recorded.file} at that commit has MD5 {found}, but {recorded.md5} was recorded. Restore the recorded "
            "table in the DVC remote."
        )


def interpreter(place: Path, version: Version) -> str:
    """A Python with the recorded packages: this one if its lock file is the recorded one, else a new one."""
    origin = version.lineage
    locks = {lineage.PACKAGES: origin.packages}
    locks |= {lineage.lock_of(origin.library): origin.estimator.lock} if origin.estimator else {}
    for lock, recorded in locks.items():
        if lineage.md5(place / _there(place, lock)) != recorded:
            raise UserError(
                f"{lock} at that commit differs from the recorded file. Run `make register` on a commit that "
                "contains its lock files."
            )
    same = all(lineage.md5(lock) == recorded for lock, recorded in locks.items())
    if same and (not origin.library or find_spec(origin.library)):
        return sys.executable
    made = _call(sys.executable, str(_there(place, MAKE_VENV)), "pipeline", place=place)
    _must(made, f"installing the recorded packages ({', '.join(map(str, locks))})")
    return str(place / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


def build(place: Path, python: str) -> dict[str, bytes]:
    """The model and contract that the worktree's own pipeline builds without any cache."""
    path = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": f"{place / 'src'}{os.pathsep}{place}", "PATH": path}
    flags = ("--force", "--no-run-cache", "--no-commit")
    _must(dvc.call("repro", *flags, "train", folder=place, environment=environment, python=python), "building it again")
    return identity.read(place / files.MODEL)


def compare(
    version: Version, old: dict[str, bytes] | None, new: dict[str, bytes], test: Path, params: Params
) -> RebuildComparison:
    """Compare bytes, then scores of the test rows; `old` is None if the registry no longer has the files."""
    if identity.named(new, version.model):
        return RebuildComparison("identical", f"model and contract have the same bytes (SHA-256 {version.model[:12]}…)")
    if old is None:
        return RebuildComparison("different", f"the bytes differ, and the old files are pruned. {differences(version)}")
    if old["contract.json"] != new["contract.json"]:
        return RebuildComparison("different", f"contract.json differs, so decisions can differ. {differences(version)}")
    rows = tables.read_table(test)
    scores = [model.scores(model_file.loads(built["model.skops"]), rows, params.data) for built in (old, new)]
    gap = float(np.abs(scores[0] - scores[1]).max())
    outcome = "equivalent" if gap <= EQUIVALENT else "different"
    return RebuildComparison(
        outcome, f"scores of {counted(len(rows), 'test row')} differ by at most {gap:.2g}. {differences(version)}"
    )


def differences(version: Version) -> str:
    """The differences between this machine and the one that built the version."""
    there = version.lineage
    here = lineage.machine(there.library)
    pairs = {"python": (there.python, here.python), "platform": (there.platform, here.platform)}
    pairs |= {name: (there.libraries.get(name), found) for name, found in here.libraries.items()}
    found = [f"{name} was {then}, is {now}" for name, (then, now) in pairs.items() if then != now]
    if there.changed:
        found.append(f"it was built with uncommitted changes in: {', '.join(there.changed[:5])}")
    return f"What differs: {'; '.join(found) or 'nothing on record'}."


def _there(place: Path, path: Path) -> Path:
    """The path of a file of src/tools or src/locks in a checkout; older commits have both folders at the root."""
    return path if (place / path).exists() else path.relative_to("src")


def _call(*command: str, place: Path | None = None, environment: Any = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


def _must(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode:
        raise UserError(f"{what} failed: {_last(done.stderr).rstrip('.')}. Fix this, then run `make reproduce` again.")


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-3:]) or "no message"
