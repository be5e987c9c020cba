"""The whole life of a model in this process: stages, DVC and the application, without further processes."""

import contextlib
import io
import os
import subprocess
from pathlib import Path

from fastapi.testclient import TestClient

from ml.io import dvc, endpoint, files, yaml_edit
from ml.io.client import output
from ml.retraining import worktree
from ml.stages import evaluate, gate, prepare, report, train, validate
from tests import warm
from tests.serving.server import application


def install(monkeypatch, tmp_path):
    """Run DVC, its stages, the gates' server and the commands that retraining starts in this process."""
    warm.remember()
    monkeypatch.setattr(dvc, "call", call)
    monkeypatch.setattr(dvc, "repro", lambda folder=None, environment=None: inside(folder, repro))
    monkeypatch.setattr(worktree, "run", lambda folder, *command: inside(folder, gate.main))
    monkeypatch.setattr(endpoint, "answering", lambda built: answering(built, tmp_path))


def call(*arguments, folder=None, environment=None, python=None):
    """`dvc …`, finished; if it lists stale stages, the list is empty."""
    if arguments[0] == "status":
        return subprocess.CompletedProcess(arguments, 0, "{}", "")
    from dvc.cli import main  # noqa: PLC0415  (a second)

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = inside(folder, lambda: main([*arguments]))
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def edit_params(changes):
    """Set settings of params.yaml by their dotted paths; all other lines stay unchanged."""
    files.write_text(yaml_edit.edited(files.PARAMS.read_text(encoding="utf-8"), changes), files.PARAMS)


def inside(folder, action):
    """The result of an action that runs in a folder."""
    before = Path.cwd()
    os.chdir(folder or before)
    try:
        return action()
    finally:
        os.chdir(before)


def repro():
    """The stages that `dvc repro` runs, except for tracking."""
    for stage in (validate, prepare, train, evaluate):
        stage.main()
    return 0


def judged():
    """The exit code of the gates; the report is written."""
    repro()
    code = gate.main()
    report.main(base="main")
    return code


@contextlib.contextmanager
def answering(built, place):
    """Like ml.io.endpoint.answering, with the application in this process."""
    folder = place / "endpoint"
    for name, content in built.items():
        files.write_bytes(content, folder / name)
    with TestClient(application(folder, place / "endpoint-logs")) as client:
        yield lambda rows: [output(p) for p in client.post("/predict", json={"rows": rows}).json()["predictions"]]
