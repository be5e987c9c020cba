"""Temporary files of tests are deleted with the run."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import temporary
from tests.conftest import ROOT


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_temporary_files_of_a_run_are_deleted(place):
    folder = temporary.use()
    left = subprocess.run(["mktemp", "--directory"], capture_output=True, text=True, check=True).stdout.strip()

    assert Path(tempfile.gettempdir()) == Path(left).parent == folder

    temporary.leave(folder)
    assert [*place.iterdir()] == []
    assert Path(tempfile.gettempdir()) == place


@pytest.mark.slow
def test_the_folder_of_multiprocessing_is_removed_by_itself(place):
    code = """
from multiprocessing import util
from tests import temporary
from tests.conftest import ROOT
folder = temporary.use()
util.get_temp_dir()
temporary.leave(folder)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stderr == ""
    assert [*place.iterdir()] == []


def test_the_next_run_deletes_the_folder_of_a_killed_run(place):
    dead = subprocess.Popen(["true"])
    dead.wait()
    gone, other = (place / f"tests-{pid}-x" for pid in (dead.pid, os.getppid()))
    for folder in (gone, other):
        (folder / "inside").mkdir(parents=True)

    temporary.use()

    assert not gone.exists()
    assert (other / "inside").exists()
