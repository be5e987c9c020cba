import errno
import os
import runpy
import shutil
import sqlite3
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ml.io import cli
from ml.io.errors import UserError
from ml.settings.params import read_params
from ml.stages import run


def called(monkeypatch, main, *arguments):
    """The exit code of `main`, run as a command."""
    monkeypatch.setattr(sys, "argv", ["stage", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.run(main)
    return stop.value.code


def test_a_users_mistake_gives_a_message_without_a_traceback(monkeypatch, capsys):
    def main() -> None:
        raise UserError("the age at row 7 is below 0. Mend it.")

    code = called(monkeypatch, main)

    assert code == 1
    err = capsys.readouterr().err
    assert "the age at row 7 is below 0. Mend it." in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EISDIR, errno.EEXIST, errno.EFBIG],
)
def test_a_full_disk_gives_a_message_without_a_traceback(monkeypatch, capsys, number):
    def main() -> None:
        raise OSError(number, os.strerror(number), ".mlflow/ledger.jsonl")

    assert called(monkeypatch, main) == 1
    err = capsys.readouterr().err
    assert f".mlflow/ledger.jsonl: {os.strerror(number)}. Fix this and run the command again" in err
    assert "Traceback" not in err


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "b")


@pytest.mark.parametrize(
    "error", [shutil.Error([("a", "b", str(FULL))]), sqlite3.OperationalError("database or disk is full")]
)
def test_a_full_disk_gives_a_message_for_every_librarys_error(monkeypatch, capsys, error):
    def main() -> None:
        raise error

    assert called(monkeypatch, main) == 1
    assert "No space left on device. Fix this and run the command again" in capsys.readouterr().err


def test_an_unexpected_exception_gives_a_sentence_and_a_file_with_its_traceback(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEBUG", raising=False)

    def main() -> None:
        raise KeyError("roc_auc")

    assert called(monkeypatch, main) == 1
    err = capsys.readouterr().err
    assert "KeyError: 'roc_auc'. Please report it with the details in build/traceback.txt." in err
    assert "Traceback" not in err
    assert "Traceback" in (tmp_path / "build/traceback.txt").read_text()


def test_an_unexpected_exception_gives_a_sentence_if_no_file_can_be_written(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEBUG", raising=False)
    (tmp_path / "build").touch()

    def main() -> None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "build/scores.parquet")

    assert called(monkeypatch, main) == 1
    assert "build/scores.parquet'. Run it with DEBUG=1 for the details" in capsys.readouterr().err


def test_debug_shows_the_traceback_of_an_unexpected_exception(monkeypatch):
    monkeypatch.setenv("DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["stage"])

    def main() -> None:
        raise KeyError("roc_auc")

    with pytest.raises(KeyError):
        cli.run(main)


def test_ctrl_c_ends_quietly_with_the_usual_code(monkeypatch, capsys):
    def main() -> None:
        raise KeyboardInterrupt

    assert called(monkeypatch, main) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_ctrl_c_ends_the_main_job_in_any_stage(monkeypatch, capsys):
    def main() -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "ml.stages.report", SimpleNamespace(main=main))

    with pytest.raises(KeyboardInterrupt):
        run._stage("report")
    assert "report: stopped by you" in capsys.readouterr().err


def test_flags_come_from_the_signature(monkeypatch):
    seen = {}

    def main(base: str = "main", count: int = 3, history: bool = False) -> int:
        seen.update(base=base, count=count, history=history)
        return 7

    assert called(monkeypatch, main, "--base", "dev", "--history") == 7
    assert seen == {"base": "dev", "count": 3, "history": True}


@pytest.mark.parametrize("stage", ["validate", "prepare", "train", "evaluate", "gate", "report", "run"])
def test_every_stage_has_a_help_text(stage, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [stage, "--help"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"ml.stages.{stage}", run_name="__main__", alter_sys=True)  # as `python -m` does

    assert ended.value.code == 0
    assert f"python -m ml.stages.{stage}" in capsys.readouterr().out


def test_an_error_names_its_entry_in_the_runbook(monkeypatch, capsys):
    def main() -> None:
        read_params(Path("absent.yaml"))

    assert called(monkeypatch, main) == 1
    assert capsys.readouterr().err.endswith(": see docs/runbook.md#errors-settings\n")
