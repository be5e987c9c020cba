"""Retraining from fresh rows to a branch, in a real repository with real stages, and what it refuses."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from demo.world import history
from ml import github
from ml.github_api import call
from ml.params import read_params
from ml.split import position
from tests.conftest import ROOT
from tests.github.double import Hub
from tests.retrain.conftest import DAY, git

pytestmark = pytest.mark.slow

SMALLER = {
    "n_estimators: 150": "n_estimators: 30",
    "bootstrap: 1000": "bootstrap: 200",
    "accuracy: { min: 0.85 }": "accuracy: { min: 0.7 }",
    "roc_auc: { min: 0.85 }": "roc_auc: { min: 0.7 }",
    "calibration_error: { max: 0.1 }": "calibration_error: { max: 0.3 }",
    "slope: { min: 0.8 }": "slope: { min: 0.2 }",
    "freshness: { refuse: ci }": "freshness: { refuse: never }",
}


def run(folder, *arguments, **environment):
    """A finished `python -m …` with the folder's own code."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    code = f"{folder / 'src'}{os.pathsep}{folder}"
    variables = os.environ | {"PATH": path, "PYTHONPATH": code} | environment
    variables.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def must(folder, *arguments, **environment):
    done = run(folder, *arguments, **environment)
    assert done.returncode == 0, done.stdout + done.stderr


def retrain(folder, *arguments, date=DAY):
    """The finished process of `make retrain`, and what it concluded."""
    done = run(folder, "ml.stages.retrain", "--date", date, *arguments)
    path = folder / "build" / "retrain.json"
    return done, json.loads(path.read_text()) if done.returncode == 0 else None


@pytest.fixture(scope="module")
def fork(tmp_path_factory):
    """Our files with a small table and a model, all committed and pushed to a bare origin."""
    place = tmp_path_factory.mktemp("fork")
    folder = place / "clone"
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, names):
        if not name.startswith(("tests/", "dvc-remote/", "data.dvc", "dvc.lock")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    params = folder / "params.yaml"
    text = params.read_text()
    for old, new in SMALLER.items():
        assert old in text
        text = text.replace(old, new)
    params.write_text(text)
    (folder / "data").mkdir()
    history(range(1, 13), rows=250).to_parquet(folder / "data" / "customers.parquet")
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(place / "origin.git")], check=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", str(place / "origin.git"))
    must(folder, "dvc", "add", "--quiet", "data")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "a fork")
    must(folder, "dvc", "repro", "--quiet")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "built")
    git(folder, "push", "-q", "origin", "main")
    return folder


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    """Two months after the last one of the table; one row in a hundred is broken."""
    path = tmp_path_factory.mktemp("rows") / "fresh.csv"
    rows = history(range(13, 15), rows=400)
    rows.loc[rows.index % 100 == 7, "plan"] = "gold"
    rows.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def proposed(fork, months):
    """The first retraining, while the user has something uncommitted in hand."""
    (fork / "README.md").write_text("half a sentence")
    before = git(fork, "status", "--porcelain=v2", "--branch")
    done, record = retrain(fork, "--rows", str(months))
    after = git(fork, "status", "--porcelain=v2", "--branch")
    git(fork, "checkout", "README.md")
    return done, record, before, after


def test_it_ends_with_a_branch_that_may_be_proposed(proposed):
    done, record, _, _ = proposed

    assert done.returncode == 0, done.stderr
    assert record["outcome"] == "proposed", record["reasons"]
    assert f"PROPOSED: branch retrain/{DAY} is ready" in done.stdout


def test_the_users_checkout_is_not_touched(fork, proposed):
    _, _, before, after = proposed

    assert before == after
    assert len(git(fork, "worktree", "list").splitlines()) == 1


def test_the_branch_holds_data_lock_metrics_and_the_rows_themselves(fork, proposed):
    changed = git(fork, "diff", "--name-only", "main", f"retrain/{DAY}").splitlines()

    assert {"data.dvc", "dvc.lock", "build/metrics.json", "build/profile.json"} <= set(changed)
    assert {name.split("/")[0] for name in changed} == {"data.dvc", "dvc.lock", "build", "dvc-remote"}


def test_broken_rows_are_kept_in_quarantine_and_counted(fork, proposed):
    _, record, _, _ = proposed
    kept = pd.read_csv(fork / "build" / "quarantine.csv")

    assert record["rows"]["fresh"] == 792
    assert record["rows"]["why"] == {"plan: not a level of the contract": 8}
    assert (kept["plan"] == "gold").all()
    assert len(kept) == 8


def test_a_stranger_gets_rows_and_sides_from_the_branch_and_no_test_row_has_trained(fork, proposed, tmp_path):
    git(fork, "push", "-q", "origin", f"retrain/{DAY}")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", "-b", f"retrain/{DAY}", str(fork.parent / "origin.git"), str(clone)], check=True
    )
    must(clone, "dvc", "pull", "--quiet", "data.dvc")
    for stage in ("validate", "prepare"):
        must(clone, f"ml.stages.{stage}")
    git(fork, "push", "-q", "origin", "--delete", f"retrain/{DAY}")
    trained = pd.read_parquet(clone / "build" / "train.parquet")["customer_id"]
    old = pd.read_parquet(fork / "build" / "test.parquet")["customer_id"]

    assert len(pd.read_parquet(clone / "data" / "customers.parquet")) == 3792
    assert not set(trained) & set(old)
    assert (position(trained) >= read_params(clone / "params.yaml").prepare.test_share).all()


def test_champion_and_challenger_meet_on_fresh_and_on_old_rows(fork, proposed):
    _, record, _, _ = proposed
    test_rows = len(pd.read_parquet(fork / "build" / "test.parquet"))

    parts = {c["part"]: c for c in record["compared"]}

    assert parts["old"]["rows"] == test_rows
    assert 100 < parts["fresh"]["rows"] < 220
    assert parts["old"]["old"] == pytest.approx(record["before"]["roc_auc"], abs=1e-4)


def test_the_same_rows_on_the_same_day_give_the_same_commit(fork, months, proposed):
    _, again = retrain(fork, "--rows", str(months))

    assert again["commit"] == proposed[1]["commit"]


def test_within_the_cooldown_nothing_is_done_unless_forced(fork, months, proposed):
    git(fork, "push", "-q", "origin", f"retrain/{DAY}")

    done, record = retrain(fork, "--rows", str(months), date="2026-11-24")

    git(fork, "push", "-q", "origin", "--delete", f"retrain/{DAY}")
    assert record["outcome"] == "waiting"
    assert "last proposal is of 2026-11-21" in done.stdout


def test_a_model_that_gates_refuse_is_not_proposed(fork, tmp_path, months, proposed):
    clone = tmp_path / "clone"
    shutil.copytree(fork, clone, symlinks=True)
    strict = (clone / "params.yaml").read_text().replace("roc_auc: { min: 0.7 }", "roc_auc: { min: 0.99 }")
    (clone / "params.yaml").write_text(strict)
    git(clone, "commit", "-qam", "strict")
    git(clone, "update-ref", "refs/remotes/origin/main", "main")

    done, record = retrain(clone, "--rows", str(months))

    assert done.returncode == 0, done.stderr
    assert record["outcome"] == "refused"
    assert "roc_auc" in record["reasons"][0]
    assert "below the minimum 0.990" in record["reasons"][0]


def test_a_source_that_sends_mostly_broken_rows_is_refused_before_anything_trains(fork, tmp_path):
    rows = history([13], rows=700)
    rows.loc[rows.index % 5 == 0, "tenure_months"] = -1
    rows.to_parquet(tmp_path / "rows.parquet")

    done, record = retrain(fork, "--rows", str(tmp_path / "rows.parquet"), "--force")

    assert record["outcome"] == "refused"
    assert "140 of 700 fresh rows (20.0%) break the contract" in record["reasons"][0]
    assert "rows to train on" not in done.stderr


def test_too_few_rows_wait_for_more(fork, tmp_path):
    history([13], rows=100).to_parquet(tmp_path / "rows.parquet")

    _, record = retrain(fork, "--rows", str(tmp_path / "rows.parquet"), "--force")

    assert record["outcome"] == "waiting"
    assert record["reasons"] == ["100 fresh labelled rows are fewer than retrain.min_rows 500"]


@pytest.mark.parametrize("arguments", [[], ["--rows", "nowhere.csv"]])
def test_without_rows_it_says_what_to_name(fork, arguments):
    done, _ = retrain(fork, *arguments, "--force")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert ("ROWS=" in done.stderr) or ("nowhere.csv is missing" in done.stderr)


def test_from_fresh_rows_to_the_merge_on_github_and_the_rest_after_it(fork, months, proposed, tmp_path):
    place = tmp_path / "fork"
    shutil.copytree(fork.parent, place, symlinks=True)
    clone, origin = place / "clone", place / "origin.git"
    git(clone, "remote", "set-url", "origin", str(origin))
    (clone / "build" / "retrain.json").write_text(json.dumps(proposed[1]))
    with Hub(origin=origin) as hub:
        must(clone, "ml.stages.propose", **hub.environment())
        (pull,) = hub.open()
        call(github.connect(hub.environment()), "PUT", f"/pulls/{pull['number']}/merge")
    git(origin, "branch", "-D", f"retrain/{DAY}")
    git(clone, "pull", "-q", "--no-rebase", "origin", "main")
    must(clone, "dvc", "checkout", "--quiet", "data.dvc")

    _, within = retrain(clone, "--rows", str(months), date="2026-11-24")
    _, known = retrain(clone, "--rows", str(months), date="2026-12-24")

    assert pull["title"] == f"Retrain churn with 792 fresh rows ({DAY})"
    assert len(pd.read_parquet(clone / "data" / "customers.parquet")) == 3792
    assert within["outcome"] == "waiting"
    assert known["outcome"] == "waiting"
    assert known["reasons"][0].startswith("8 fresh labelled rows are fewer")  # those in quarantine
    assert known["rows"]["known"] == 792
