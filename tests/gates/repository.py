"""Stale lock files in real git and DVC repositories."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ml.gates import Evidence, Locks
from ml.io import locks
from tests.gates.world import good

STAGE = "stages:\n  copy:\n    cmd: cp in.txt out.txt\n    deps: [in.txt]\n    outs: [out.txt]\n"
PROJECT = '[project]\nname = "small"\ndependencies = ["pyyaml>=5"]\n[project.optional-dependencies]\npipeline = []\n'
Pair = tuple[Callable[[], Evidence], Callable[[], Evidence]]


def pipeline() -> Pair:
    """An input that changed after `dvc repro`, and the repository before the change."""
    return lambda: _with(_states()["changed"]), lambda: _with(_states()["fresh"])


def committed() -> Pair:
    """A dvc.lock that is not committed, and the same one committed."""
    return lambda: _with(_states()["rebuilt"]), lambda: _with(_states()["fresh"])


def packages(lock: str) -> Pair:
    """A lock file with this text, and one with the installed versions."""

    def plant(text: str) -> Evidence:
        pins = locks.pins(text)
        installed = {"pyyaml": version("pyyaml")}
        return _with(Locks({}, [], pins | {"other": "1"}, installed, locks.unmet(PROJECT, {"pipeline": text})))

    return lambda: plant(lock), lambda: plant(f"pyyaml=={version('pyyaml')}\n")


def _with(state: Locks) -> Evidence:
    return replace(good(), locks=state)


@cache
def _states() -> dict[str, Locks]:
    """The states that the gate stage finds: after `dvc repro` and a commit, with the input changed, and built again."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("in.txt").write_text("one")
        Path("dvc.yaml").write_text(STAGE)
        Path("pyproject.toml").write_text(PROJECT)
        Path("src/locks").mkdir(parents=True)
        Path("src/locks/pipeline.txt").write_text(f"pyyaml=={version('pyyaml')}\n")
        _call("git", "init", "--quiet")
        _call(sys.executable, "-m", "dvc", "init", "--quiet")
        _call(sys.executable, "-m", "dvc", "repro", "--quiet")
        _call("git", "add", "--all")
        _call("git", "-c", "user.name=prove", "-c", "user.email=prove@localhost", "commit", "--quiet", "-m", "fresh")
        fresh = locks.read()
        Path("in.txt").write_text("two")
        changed = locks.read()
        _call(sys.executable, "-m", "dvc", "repro", "--quiet")
        return {"fresh": fresh, "changed": changed, "rebuilt": locks.read()}


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
