"""The second checkout of a retraining: whenever the command is killed, the next one removes what is left."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from ml.io import dvc
from ml.retraining import worktree
from tests.fork import inside
from tests.registry.faults import killed, writes

pytestmark = pytest.mark.slow


@pytest.fixture
def commit(tmp_path, monkeypatch):
    """A repository with DVC and one commit, and a folder of its own for temporary files."""
    for folder in ("ours", "theirs", "temporary"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "ours")
    Path(".dvc").mkdir()
    Path(".dvc/config").touch()
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com", *command], check=True)
    return "HEAD"


def used(commit):
    with worktree.at(commit) as folder:
        (folder / "table").write_text("rows")


def left():
    listed = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True).stdout
    return [path.name for path in Path(tempfile.gettempdir()).glob(f"{worktree.PREFIX}*")], len(listed.splitlines())


def test_nothing_is_left_after_a_kill_at_any_write_and_the_next_run(commit, monkeypatch):
    """DVC runs in this process: its writes count too, and it is imported once."""
    monkeypatch.setattr(dvc, "call", inside.call)
    used(commit)
    count = writes(lambda: used(commit))
    for number in range(1, count + 1):
        killed(number, lambda: used(commit))
        used(commit)

        assert left() == ([], 1), f"write {number} of {count}"
    assert count > 5


def test_a_kill_within_the_work_leaves_nothing_after_the_next_run(commit):
    if not (child := os.fork()):
        with worktree.at(commit):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert left()[1] == 2
    used(commit)

    assert left() == ([], 1)


def test_the_checkout_of_a_running_retraining_and_of_another_repository_stays(commit, tmp_path, monkeypatch):
    other = Path(tempfile.mkdtemp(prefix=worktree.PREFIX))
    (other / worktree.TREE).mkdir()
    (other / worktree.LOCK).touch()
    with worktree.at(commit) as folder:
        used(commit)

        assert folder.exists()
    assert [path.name for path in Path(tempfile.gettempdir()).iterdir()] == [other.name]
    shutil.rmtree(other)
