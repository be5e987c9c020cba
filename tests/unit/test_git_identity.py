"""Commits of the commands need no git identity of the machine, because hosted runners have none."""

import subprocess

import pytest

from ml.io import git
from ml.retraining import worktree


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository on a machine without an identity, where git may not guess one."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    for command in (["init", "--quiet"], ["config", "user.useConfigOnly", "true"]):
        subprocess.run(["git", *command], check=True)
    return tmp_path


def committed():
    """Whether this machine can commit by itself, which would make these tests meaningless."""
    command = ["git", "commit", "--quiet", "--allow-empty", "--message=x"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_registrys_commits_have_their_own_author(repository):
    assert not committed()

    git.must("commit", "--quiet", "--allow-empty", "--message=a version")

    assert git.ask("log", "-1", "--format=%an %cn").split() == ["registry", "registry"]


def test_a_retrainings_commit_has_the_robot_as_author(repository):
    git.must("commit", "--quiet", "--allow-empty", "--message=start")
    (repository / "data.dvc").write_text("outs: []")
    git.must("add", "data.dvc")

    worktree.commit(repository, "retrain/2026-11-21", "Retrain", "2026-11-21")

    assert not committed()
    assert git.ask("log", "-1", "--format=%ae %ce").split() == [git.ROBOT, git.ROBOT]


def test_a_configured_name_is_the_author_of_the_registrys_commits(repository):
    git.must("config", "user.name", "Ada")

    git.must("commit", "--quiet", "--allow-empty", "--message=a version")

    assert git.ask("log", "-1", "--format=%an %ae").split() == ["Ada", "registry@localhost"]
