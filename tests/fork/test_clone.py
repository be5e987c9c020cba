"""The first steps in a clone of the last commit: run, change something, run again.

The second run, a stricter limit and DVC's own commands are in the documents, which test_documents.py runs.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT, once

pytestmark = [pytest.mark.slow, pytest.mark.template]


def run(folder, *command, check=True):
    """A finished command in a clone, with the clone's own code."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}"}
    env.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def clone(source, folder, *flags):
    """A clone of the last commit of a repository."""
    if not (Path(source) / ".git").exists():
        pytest.skip("these tests clone the repository: run them in a git checkout")
    address = f"file://{source}" if flags else str(source)  # a path shares the objects, but ignores --depth
    subprocess.run(["git", "clone", "--quiet", *flags, address, str(folder)], check=True)
    for setting in ("user.name=stranger", "user.email=stranger@example.invalid"):  # `dvc exp run` reads no other place
        subprocess.run(["git", "-C", str(folder), "config", *setting.split("=")], check=True)
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A clone in which the main job has run, in an environment that is not active, and the output of that run."""
    made, place = once(tmp_path_factory, "first", first_run), tmp_path_factory.mktemp("fork")
    shutil.copytree(made, place, symlinks=True, dirs_exist_ok=True)
    return place / "clone", (place / "out").read_text(), (place / "err").read_text()


def first_run(place):
    folder = clone(ROOT, place / "clone")
    own = str(Path(sys.executable).parent)
    bare = os.pathsep.join(place for place in os.environ["PATH"].split(os.pathsep) if place != own)
    done = run(folder, "env", f"PATH={bare}", "COLD_PYTHON=1", sys.executable, "-m", "ml.stages.run")
    (place / "out").write_text(done.stdout)
    (place / "err").write_text(done.stderr)


def test_the_first_run_trains_and_prints_the_result(first):
    _, out, err = first

    assert "train: random_forest on 9,6" in err
    assert "PASSED: the model may be registered." in out
    assert "Report: build/report.md" in out


def test_no_warning_reaches_the_user(first):
    _, out, err = first

    assert not re.search(r"warning:", out + err, re.IGNORECASE)  # a gate's own says no colon


def test_the_build_is_byte_identical_to_the_committed_one(first):
    folder, *_ = first

    assert run(folder, "git", "status", "--porcelain").stdout == ""


def test_dvc_finds_everything_up_to_date(first):
    folder, *_ = first

    assert "up to date" in run(folder, "dvc", "repro", "--dry").stdout


def test_one_broken_value_stops_the_run(first):
    folder, *_ = first
    script = (
        "import pandas as pd; p = 'data/customers.parquet'; f = pd.read_parquet(p);"
        "f.loc[36, 'tenure_months'] = -7; f.to_parquet(p)"
    )
    run(folder, sys.executable, "-c", script)

    done = run(folder, sys.executable, "-m", "ml.stages.run", check=False)

    run(folder, "git", "checkout", "--", ".")
    run(folder, "dvc", "checkout", "--quiet", "--force")
    assert done.returncode == 1
    assert "tenure_months: 1 of 12,000 rows are not 0 to 600, e.g. -7.0 at row 37" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_from_git_replaces_the_local_one(first):
    folder, *_ = first
    table, before = folder / "data" / "customers.parquet", (folder / "data.dvc").read_text()
    pd.read_parquet(table).iloc[1:].to_parquet(table)
    run(folder, sys.executable, "-m", "dvc", "repro", "--quiet", "validate")
    changed = run(folder, "git", "status", "--porcelain").stdout
    run(folder, "git", "switch", "--quiet", "--create", "another")  # a clone of a detached commit has no branch
    run(folder, "git", "commit", "--quiet", "--all", "--message", "another table")
    assert "data.dvc" in changed  # a table of one's own is taken
    run(folder, "git", "checkout", "--quiet", "HEAD~1")

    run(folder, sys.executable, "-m", "ml.stages.run")

    assert (folder / "data.dvc").read_text() == before
    assert run(folder, "git", "status", "--porcelain").stdout == ""


def test_a_shallow_clone_of_a_clone_reproduces_with_one_dvc_command(tmp_path):
    middle = clone(ROOT, tmp_path / "middle")
    last = clone(middle, tmp_path / "last", "--depth", "1")

    run(last, "dvc", "repro", "--pull", "--quiet")

    assert run(last, "git", "status", "--porcelain").stdout == ""
    assert (last / "build" / "model" / "model.skops").exists()
