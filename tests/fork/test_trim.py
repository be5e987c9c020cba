"""Each part that docs/trim.md lists can be deleted: in a clone, alone and with all others."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.fork.test_clone import clone, run
from tests.parts import parts

pytestmark = pytest.mark.slow

OURS = ("src", "serving", "demo", "lab", "tests")
QUICK = ["tests/pipeline/test_docs.py", "tests/pipeline/test_wiring.py", "tests/unit/test_make.py"]
HERE = [part for part in parts() if not part.gone]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return clone(ROOT, tmp_path_factory.mktemp("trim") / "clone")


@pytest.fixture
def trimmed(whole):
    """Deletes parts, and restores them afterwards."""
    yield lambda *which: [delete(whole, path) for part in which for path in part.paths]
    subprocess.run(["git", "-C", whole, "restore", "--worktree", "."], check=True)


def delete(folder, path):
    place = folder / path
    shutil.rmtree(place) if path.endswith("/") else place.unlink()


@pytest.fixture(scope="module")
def imports(whole):
    """The imports of each Python file from this repository, as dotted names of modules or members."""
    return {path: {*imported(path)} for root in OURS for path in sorted((whole / root).rglob("*.py"))}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name for name in names if name.split(".")[0] in {"ml", "tools", *OURS[1:]})


def misleading(folder, imports):
    """The imports of the files that are left, with the file, which lead to no file."""
    left = {path: names for path, names in imports.items() if path.exists()}
    lost = {name for name in set().union(*left.values()) if not leads(folder, name)}
    return [(str(path), name) for path, names in left.items() for name in names & lost]


def leads(folder, name):
    """Whether an import can be resolved: `a.b.c` is the module c of a.b, or a member of the module a.b."""
    whole, parent = Path(*name.split(".")), Path(*name.split(".")[:-1])
    candidates = [folder / top / path for top in ("", "src") for path in {whole, parent} - {Path()}]
    return any(path.with_suffix(".py").is_file() or any(path.glob("*.py")) for path in candidates)


def pytest_in(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-n", "0", *arguments]
    return run(folder, *command).stdout


@pytest.mark.parametrize("part", HERE, ids=lambda part: part.title)
def test_a_part_can_be_deleted(whole, imports, trimmed, part):
    trimmed(part)

    assert misleading(whole, imports) == []
    run(whole, "ruff", "check", "-q", ".")
    pytest_in(whole, QUICK[0])


def test_all_parts_can_be_deleted(whole, trimmed):
    trimmed(*HERE)

    run(whole, "ruff", "check", "-q", ".")
    run(whole, "ruff", "format", "--check", "-q", ".")
    collected = pytest_in(whole, "--collect-only", "tests")
    pytest_in(whole, *QUICK)
    run(whole, "dvc", "pull", "--quiet", "data.dvc")
    for stage in ("validate", "prepare"):
        run(whole, sys.executable, "-m", f"ml.stages.{stage}")

    assert " tests collected" in collected
