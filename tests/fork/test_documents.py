"""Every shell block of README, tutorial and guides runs unchanged in one clone, in the order of reading."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT, once
from tests.fork.test_clone import clone, first_run

pytestmark = [pytest.mark.slow, pytest.mark.template]

BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WALK = ["README.md", "docs/tutorial.md", "docs/sample-data.md", "docs/scoring.md", "docs/monitoring.md"]
ELSEWHERE = {  # the start of a block: which test runs it, or why none can
    "git clone https://github.com/OWNER": "the first step of the walk below",
    "cat > build/row.json": "tests/serving/test_serving_process.py",
    "make serve": "tests/serving/test_serving_process.py",
    "make image ": "tests/container/test_image.py",
    "make deploy": "tests/container/test_deploy_faults.py",
    "make rollback ENV": "tests/registry/test_rollback_deployed.py",
    "make story": "tests/lab/test_story.py",
    "git remote add template": "tests/fork/test_newer_template.py",
    "GITHUB_TOKEN=$(gh auth token) make doctor LIVE=1": "tests/github/test_live.py",
    "make setup\nmake test-fast": "it runs this test",
    "make adopt": "the last step of the walk below",
}
AFTER = {"README.md": ["dvc params diff; dvc metrics diff"]}  # what we ask after the blocks of a page


def blocks(page):
    """The shell blocks of a page."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def elsewhere(block):
    """The test that runs a block which this walk skips."""
    return next((where for start, where in ELSEWHERE.items() if block.startswith(start)), None)


def shell(folder, commands, **env):
    """Run commands in the clone in the environment of a user who activated `.venv`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}"} | env
    env.pop("MLFLOW_TRACKING_URI", None)
    command = ["bash", "-euo", "pipefail", "-c", commands]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{commands}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A clone in which the main job has run, on a branch, with the environment of the tests."""
    made, folder = once(tmp_path_factory, "first", first_run), tmp_path_factory.mktemp("reader") / "churn"
    shutil.copytree(made / "clone", folder, symlinks=True)
    subprocess.run(["git", "-C", str(folder), "switch", "-q", "-C", "main"], check=True)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_runs_in_the_walk_or_in_a_named_test(page):
    name = page.relative_to(ROOT).as_posix()

    lost = [block for block in blocks(page) if name not in WALK and not elsewhere(block)]

    assert not lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_names_its_language(page):
    """A block without a language would not be run."""
    fences = re.findall(r"^```.*$", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert "```" not in fences[::2]


@pytest.mark.parametrize("where", sorted({place for place in ELSEWHERE.values() if place.startswith("tests/")}))
def test_the_tests_that_run_other_blocks_exist(where):
    assert (ROOT / where).is_file()


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed: apt-get install make")
@pytest.mark.timeout(1800)
def test_a_reader_can_follow_the_pages(copy):
    said, reports = {name: [] for name in WALK}, {name: [] for name in WALK}
    for name in WALK:
        for block in [block for block in blocks(ROOT / name) if not elsewhere(block)] + AFTER.get(name, []):
            said[name].append(shell(copy, block))
            reports[name].append((copy / "build" / "report.md").read_text())
        shell(copy, "git checkout -q main -- . && git clean -fdq")

    shown, differs = said["README.md"]
    first, refused, *later = said["docs/tutorial.md"]
    tutorial = "".join(later)
    assert "index.html" in shown  # of `dvc plots show`
    assert "train.random_forest.max_depth" in differs  # what `dvc exp run` has set
    assert "accuracy" in differs
    assert "train:" not in first  # a second run
    assert "PASSED: the model may be registered." in first
    assert "refused, as expected" in refused
    assert "is below the minimum 0.990" in refused
    assert reports["docs/tutorial.md"][1].startswith("# ❌ churn: the model is refused")
    assert "version 1 is champion" in tutorial
    assert tutorial.index("STABLE:") < tutorial.index("DRIFT:") < tutorial.index("PROPOSED: branch retrain/")
    assert "score: " in "".join(said["docs/scoring.md"])


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed: apt-get install make")
def test_a_reader_can_adopt_another_table(tmp_path):
    from sklearn.datasets import load_breast_cancer  # noqa: PLC0415

    folder = clone(ROOT, tmp_path / "churn")
    (folder / ".venv").symlink_to(sys.prefix)
    frame = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "defaulted"})
    pd.DataFrame(frame).to_csv(tmp_path / "loans.csv", index=False)
    (block,) = {block for page in PAGES for block in blocks(page) if block.startswith("make adopt DATA=~/loans.csv")}

    said = shell(folder, block, HOME=str(tmp_path))

    assert "PASSED" in said
