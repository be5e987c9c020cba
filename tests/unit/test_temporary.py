"""What tests leave in the folder for temporary files goes with them."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests import temporary


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_what_a_run_leaves_goes_with_it(place):
    folder = temporary.use()
    left = subprocess.run(["mktemp", "--directory"], capture_output=True, text=True, check=True).stdout.strip()

    assert Path(tempfile.gettempdir()) == Path(left).parent == folder

    temporary.leave(folder)
    assert [*place.iterdir()] == []
    assert Path(tempfile.gettempdir()) == place


def test_the_folder_of_a_run_that_was_killed_goes_with_the_next(place):
    dead = subprocess.Popen(["true"])
    dead.wait()
    gone, other = (place / f"tests-{pid}-x" for pid in (dead.pid, os.getppid()))
    for folder in (gone, other):
        (folder / "inside").mkdir(parents=True)

    temporary.use()

    assert not gone.exists()
    assert (other / "inside").exists()
