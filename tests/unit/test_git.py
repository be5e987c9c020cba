"""Output of git with names and messages of any characters and bytes."""

import pytest

from ml.io import git
from ml.retraining import cooldown
from ml.settings.params import read_params
from tests.conftest import SAMPLE

ODD = ("a b.txt", 'q"q.txt', "Ü.txt", "line\u2028end.txt", "new\nline.txt", " lead.txt")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git.must("init", "-q", "-b", "main", ".")
    git.must("commit", "-q", "--allow-empty", "-m", "begin")


def commit(message: bytes) -> None:
    git.must("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-", data=message)


def test_changed_files_keep_their_exact_names(repository, tmp_path):
    for name in ODD:
        (tmp_path / name).write_text("x")

    assert git.changed() == sorted(ODD)
    assert git.changed("Ü.txt") == ["Ü.txt"]
    assert git.changed(new=False) == []


def test_only_a_trailer_of_a_commit_dates_the_last_retraining(repository):
    params = read_params(SAMPLE)
    for text in ("x\u2028Retrained-On: 2026-11-27", "y\n\nRetrained-On:\n", "z\n\nRetrained-On: soon", "\xe9"):
        commit(text.encode("latin-1", "ignore") if text == "\xe9" else text.encode())

    none = cooldown.last(params, "2026-11-29")
    commit(b"Retrain \xff\r\n\r\nRetrained-On: 2026-11-28\r\n")

    assert (none, cooldown.last(params, "2026-11-29")) == (None, "2026-11-28")


def test_invalid_utf_8_is_shown_escaped(repository, tmp_path):
    (tmp_path / "params.yaml").write_bytes("project: Käse".encode("latin-1"))
    git.must("add", ".")
    commit(b"Latin-1")

    assert git.show("HEAD", "params.yaml") == "project: K\\xe4se"
