"""A fresh build is compared with the commit, and the table with data.dvc."""

import subprocess
from pathlib import Path

import pytest
import yaml

from ml.model import committed


def lock(model):
    outs = [{"path": "build/model", "md5": model}, {"path": "build/metrics.json", "md5": "a" * 32}]
    return yaml.safe_dump({"stages": {"train": {"cmd": "train", "outs": outs}}})


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A commit with a lock and a metrics file."""
    monkeypatch.chdir(tmp_path)
    Path("build").mkdir()
    Path("build/metrics.json").write_text("{}")
    Path("dvc.lock").write_text(lock("1" * 32))
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=built"]):
        subprocess.run(["git", *command], check=True)


def test_identical_bytes_pass(repository):
    assert committed.unlike() == []


def test_an_output_with_another_digest_is_named_with_both(repository):
    Path("dvc.lock").write_text(lock("2" * 32))

    assert committed.unlike() == [
        "build/model has digest 222222222222, but the commit's dvc.lock has 111111111111",
        "dvc.lock",
    ]


def test_metrics_edited_by_hand_are_named(repository):
    Path("build/metrics.json").write_text('{"roc_auc": 0.99}')

    assert committed.unlike() == ["build/metrics.json"]


def test_files_outside_the_commit_are_ignored(repository):
    Path("build/report.md").write_text("# Report")

    assert committed.unlike() == []


@pytest.mark.parametrize("folder", [True, False])
def test_a_table_that_does_not_match_its_digest_is_named(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/table.csv").write_text("a,b\n")
    path = Path("data") if folder else Path("data/table.csv")
    Path("data.dvc").write_text(yaml.safe_dump({"outs": [{"path": str(path), "md5": committed.digest(path)}]}))
    before = committed.wrong_data()
    Path("data/table.csv").write_text("a,c\n")

    assert before == []
    assert [sentence.split(" has digest ")[0] for sentence in committed.wrong_data()] == [str(path)]
