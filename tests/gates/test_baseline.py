"""The champion, read from a real git and DVC repository."""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ml.model import committed
from ml.registry import baseline

pytestmark = pytest.mark.slow
STAGES = """
stages:
  prepare: {cmd: cp data.csv rows.csv, deps: [data.csv], outs: [rows.csv]}
  train: {cmd: mkdir -p build/model && cp rows.csv build/model/model.skops, deps: [rows.csv], outs: [build/model]}
"""


def call(*command):
    subprocess.run(command, check=True, capture_output=True)


def dvc(*arguments):
    call(sys.executable, "-m", "dvc", *arguments, "--quiet")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A repository whose branch main has built the model `one`."""
    folder = tmp_path_factory.mktemp("built")
    with contextlib.chdir(folder):
        build()
    return folder


@pytest.fixture
def repository(built, tmp_path, monkeypatch) -> Path:
    """A copy of it as the current folder."""
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def build():
    call("git", "init", "--quiet", "--initial-branch", "main")
    call("git", "config", "user.name", "test")
    call("git", "config", "user.email", "test@example.invalid")
    dvc("init")
    Path("params.yaml").write_text("data: {file: data.csv}\nprepare: {test_share: 0.3}\n")
    Path("dvc.yaml").write_text(STAGES)
    Path("data.csv").write_text("one")
    dvc("repro")
    call("git", "add", "--all")
    call("git", "commit", "--quiet", "-m", "one")


def test_the_build_of_main_is_found_from_another_branch_with_its_lineage(repository):
    call("git", "checkout", "--quiet", "-b", "change")
    Path("data.csv").write_text("two")
    dvc("repro")

    found = baseline.find("small")

    assert found.model == b"one"
    assert found.version.startswith("the model of main (")
    assert found.params["prepare"] == {"test_share": 0.3}
    assert found.data == "f97c5d29941bfb1b2fdab0874906ab82"  # of `one`


def test_the_same_model_needs_no_cache_and_no_remote(repository):
    call("rm", "-r", ".dvc/cache")

    assert baseline.find("small").model == b"one"


def test_a_recorded_model_that_cannot_be_fetched_is_no_cold_start(repository):
    Path("data.csv").write_text("two")
    dvc("repro")
    call("rm", "-r", ".dvc/cache")

    found = baseline.find("small")

    assert found.model is None
    assert "neither here nor in a remote" in found.why


def test_a_main_without_a_build_is_a_cold_start(repository):
    call("git", "rm", "--quiet", "--cached", "dvc.lock")
    call("git", "commit", "--quiet", "-m", "nothing")

    assert baseline.find("small") is None


def test_a_clone_without_the_branch_is_no_cold_start(repository):
    found = baseline.built("nowhere")

    assert found.model is None
    assert "git fetch origin nowhere" in found.why


def test_no_repository_is_a_cold_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert baseline.find("small") is None


def test_the_digest_of_a_folder_is_the_one_that_dvc_records(repository):
    folder = Path("data")
    (folder / "deep").mkdir(parents=True)
    for name in ("b.txt", "a.txt", "deep/c.txt", "deep-er.txt"):
        (folder / name).write_text(name)
    dvc("add", "data")

    assert committed.digest(folder) in Path("data.dvc").read_text()
