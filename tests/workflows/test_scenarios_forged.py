"""A pull request with a model that its settings do not produce is refused at every step.

The settings have 30 trees, the commit 12; dvc.lock, metrics, plots and the DVC remote agree with one another.
"""

import os
import re
import shutil
import subprocess
import sys
from functools import partial

import pytest

from ml.model import committed
from tests.conftest import once
from tests.fork.test_clone import clone

pytestmark = [pytest.mark.slow, pytest.mark.template]

TREES, FORGED = "n_estimators: 30", "n_estimators: 12"
OFF = ["champion", "stability", "slices", "fairness", "behaviour", "calibration", "size", "latency", "parity", "api"]


def call(folder, *command, **environment):
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"  # noqa: PTH120
    env = os.environ | {"PATH": path, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}"} | environment
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def must(folder, *command):
    done = call(folder, *command)
    assert done.returncode == 0, done.stdout + done.stderr


def run(folder, **environment):
    """Run `make run`; the other gates do not matter here, so a refusal is recognised by its sentence."""
    done = call(folder, sys.executable, "-m", "ml.stages.run", **environment)
    return done.returncode, done.stdout + done.stderr


def rewrite(path, changes):
    text = path.read_text()
    for old, new in changes.items():
        assert old in text, f"{path.name} has no {old}"
        text = text.replace(old, new)
    path.write_text(text)


def forge(prepared, place):
    """A clone with the forged commit, and in its cache all files made for it."""
    folder = clone(prepared / "repository", place / "forged")
    text = (folder / "params.yaml").read_text()
    gates = re.search(r"^gates:.*?(?=^tune:)", text, re.DOTALL | re.MULTILINE)[0]  # which cost a minute, and look on
    off = f"gates: {{{', '.join(f'{name}: null' for name in OFF)}}}\n"
    rewrite(folder / "params.yaml", {TREES: FORGED, gates: off})
    must(folder, "dvc", "pull", "--quiet", "data.dvc")
    must(folder, "dvc", "repro", "--quiet")
    rewrite(folder / "params.yaml", {FORGED: TREES})
    rewrite(folder / "dvc.lock", {FORGED: TREES})
    must(folder, "dvc", "push", "--quiet", "--run-cache")
    must(folder, "git", "add", "--all")
    must(folder, "git", "commit", "--quiet", "--message=More trees")


@pytest.fixture
def forged(prepared, tmp_path_factory, tmp_path):
    """The forger's clone, with its cache."""
    made = once(tmp_path_factory, "forged", partial(forge, prepared))
    shutil.copytree(made, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path / "forged"


def refused(code, said):
    assert code == 1
    assert "the new build differs from the committed one: build/model has digest" in said
    assert "train: random_forest" in said
    assert "REFUSED" in said


def test_it_deceives_a_laptop_that_has_the_cache(forged):
    """`make run` trains nothing and passes; otherwise the tests below would show nothing."""
    code, said = run(forged)

    assert "train:" not in said
    assert "PASSED" in said
    assert code == 0


def test_it_is_refused_where_a_cache_has_it(forged):
    """With CI=true every stage runs again, and the digest of the model differs from the committed one."""
    refused(*run(forged, CI="true"))


def test_it_is_refused_in_a_fresh_clone_as_pull_requests_and_releases_have_it(forged, tmp_path):
    """The DVC remote offers the forged build and its run cache; every stage runs, and the digest differs."""
    folder = clone(forged, tmp_path / "clone", "--depth=1")
    must(folder, "dvc", "pull", "--quiet", "--run-cache", "--allow-missing")

    refused(*run(folder, CI="true"))


def test_a_table_that_is_not_what_its_name_says_is_refused(forged, tmp_path):
    """A remote holds other rows under the digest of data.dvc: nothing is trained."""
    folder = clone(forged, tmp_path / "clone")
    name = committed.digest(forged / "data" / "customers.parquet")
    stored = folder / ".dvc" / "remote" / "files" / "md5" / name[:2] / name[2:]
    stored.chmod(0o644)
    table = folder / "table.parquet"
    script = f"import pandas as pd; pd.read_parquet({str(stored)!r}).iloc[1:].to_parquet({str(table)!r})"
    must(folder, sys.executable, "-c", script)
    table.replace(stored)

    code, said = run(folder, CI="true")

    assert code == 1
    assert "data has digest" in said
