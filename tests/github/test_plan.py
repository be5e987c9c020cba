"""The changed files of a pull request, from a real history, and the jobs that they need."""

import pytest

from ml.io import git
from ml.stages import ci_plan

CODE = "src/ml/gates/champion.py"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / CODE).parent.mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / CODE).write_text("one line\n" * 50)
    git.must("init", "-q", "-b", "main", ".")
    git.must("add", "--all")
    git.must("commit", "-q", "-m", "begin")
    return tmp_path


@pytest.mark.parametrize("place", ["docs/champion.py", "champion.md"])
def test_code_that_moves_to_the_documents_is_a_change_of_code(repository, monkeypatch, place):
    """Git reports a moved file by its new name only, unless it is told not to look for moves."""
    (repository / CODE).rename(repository / place)
    git.must("add", "--all")
    git.must("commit", "-q", "-m", "move")
    monkeypatch.setenv("GITHUB_OUTPUT", str(repository / "output"))

    ci_plan.main("HEAD^1")

    assert {"pipeline=true", "tests=true"} <= {*(repository / "output").read_text().split()}
