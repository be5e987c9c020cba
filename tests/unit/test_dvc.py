import shutil

import pytest

from ml.io import dvc
from ml.io.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dvc.must("init", "--no-scm")
    return tmp_path


def test_a_failed_command_shows_the_output_of_dvc(project):
    dvc.must("remote", "add", "--default", "store", str(project / "gone"))
    (project / "data").mkdir()
    (project / "data" / "table.csv").write_text("id\n1\n")
    dvc.must("add", "data")
    for lost in (project / "data", project / ".dvc" / "cache"):
        shutil.rmtree(lost)

    with pytest.raises(UserError, match=r"`dvc pull data.dvc` failed: ERROR.*It should have brought data\."):
        dvc.must("pull", "data.dvc", hint="It should have brought data.")


def test_a_failed_pipeline_shows_the_output_of_dvc(project, capfd):
    (project / "dvc.yaml").write_text("stages:\n  train:\n    cmd: 'true'\n    deps: [absent.csv]\n")

    code = dvc.repro()

    assert code
    assert "absent.csv" in capfd.readouterr().err


def test_a_successful_pipeline_keeps_stdout_for_results(project, capfd):
    (project / "dvc.yaml").write_text("stages:\n  train:\n    cmd: echo trained\n")

    code = dvc.repro()

    shown = capfd.readouterr()
    assert (code, shown.out) == (0, "")
    assert "trained" in shown.err
