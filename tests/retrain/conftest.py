"""A small repository with a bare origin, for the steps around a retraining."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from ml.io import cli

DAY = "2026-11-21"


def finished(main, folder, environment, *flags):
    """A finished command of a user in a folder, run in this process because a separate process takes a second."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, environment),
        mock.patch.object(sys, "argv", [main.__module__, *flags]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        cli.run(main)
    return subprocess.CompletedProcess(flags, ended.value.code, out.getvalue(), err.getvalue())


def git(folder, *arguments):
    """The output of git in a folder."""
    done = subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=ann", "-c", "user.email=ann@example.com", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def repository(folder: Path, branch: str = f"retrain/{DAY}") -> Path:
    """A clone of a new bare `origin.git` beside it, with one commit on main and one by the robot on a branch."""
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(folder / "origin.git")], check=True)
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(folder / "origin.git"), str(clone)], check=True, capture_output=True)
    git(clone, "switch", "-q", "-c", "main")
    (clone / ".gitignore").write_text("build/\n")
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "start")
    git(clone, "push", "-q", "origin", "main")
    git(clone, "switch", "-q", "-c", branch)
    (clone / "data.dvc").write_text("outs: []\n")
    git(clone, "add", "-A")
    git(clone, "-c", "user.email=retrain@localhost", "commit", "-qm", "retrained")
    git(clone, "switch", "-q", "main")
    (clone / "build").mkdir()
    return clone


def record(clone: Path, **changed) -> dict:
    """The record that `retrain` writes to build/retrain.json, proposed unless changed; also written there."""
    day = changed.get("date", DAY)
    verdict = {"gate": "accuracy", "passed": True, "severity": "critical", "reason": "accuracy 0.885 | fine"}
    compared = {"metric": "roc_auc", "rows": 990, "outcome": "better", "refused": False, "old": 0.9, "new": 0.91}
    found = {
        "project": "churn",
        "outcome": "proposed",
        "reasons": [],
        "date": day,
        "base": "main",
        "base_commit": git(clone, "rev-parse", "main"),
        "branch": f"retrain/{day}",
        "commit": git(clone, "rev-parse", f"retrain/{day}"),
        "digest": "0" * 32,
        "model": "random_forest",
        "rows": {"fresh": 5000, "quarantined": 2, "why": {"plan: not a level in the contract": 2}}
        | {"before": 12000, "after": 16998, "replaced": 2, "left": 0},
        "policy": {"policy": "append", "window_months": 12, "split_by": "hash"},
        "metrics": {"roc_auc": 0.92, "rows": 3378},
        "before": {"roc_auc": 0.93, "rows": 2388},
        "compared": [
            compared | {"part": p, "reason": f"better on {p}", "low": 0.0, "high": 0.01} for p in ("fresh", "old")
        ],
        "verdicts": [verdict],
    } | changed
    (clone / "build" / "retrain.json").write_text(json.dumps(found))
    return found


@pytest.fixture
def clone(tmp_path):
    return repository(tmp_path)
