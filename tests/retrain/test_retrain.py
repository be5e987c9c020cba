"""Retraining from fresh rows to a branch, in a real repository with real stages, and its refusals."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from ml.data.split import position
from ml.github import github
from ml.github.rest import call
from ml.settings.params import read_params
from tests.conftest import ROOT, SAMPLE, once
from tests.github.double import Hub
from tests.retrain.conftest import DAY, git
from tests.world.sample import history

pytestmark = pytest.mark.slow

SMALLER = {
    "n_estimators: 150": "n_estimators: 30",
    "bootstrap: 1000": "bootstrap: 200",
    "calls: 200": "calls: 20",
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
    """The finished process of `make retrain`, and its record."""
    done = run(folder, "ml.stages.retrain", "--date", date, *arguments)
    path = folder / "build" / "retrain.json"
    return done, json.loads(path.read_text()) if done.returncode == 0 else None


def begun(place):
    """Fill a folder: our files with a small table and a model in a clone with a bare origin, and the first retraining.

    Meanwhile the user has uncommitted changes.
    """
    folder = place / "clone"
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, names):
        if not name.startswith(("tests/", ".dvc/remote/", "data.dvc", "dvc.lock")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    text = SAMPLE.read_text()
    for old, new in SMALLER.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "params.yaml").write_text(text)
    (folder / "data").mkdir()
    history(range(1, 13), rows=250).to_parquet(folder / "data" / "customers.parquet")
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(place / "origin.git")], check=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", str(place / "origin.git"))
    must(folder, "dvc", "add", "--quiet", "data")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "a fork")
    must(folder, "dvc", "repro", "--quiet", "evaluate")  # MLflow's view of it is not what a retraining needs
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "built")
    git(folder, "push", "-q", "origin", "main")
    fresh(place / "fresh.csv")
    (folder / "README.md").write_text("half a sentence")
    before = git(folder, "status", "--porcelain=v2", "--branch")
    done, _ = retrain(folder, "--rows", str(place / "fresh.csv"))
    assert done.returncode == 0, done.stderr
    after = git(folder, "status", "--porcelain=v2", "--branch")
    git(folder, "checkout", "README.md")
    record = json.loads((folder / "build" / "retrain.json").read_text())
    (place / "first.json").write_text(json.dumps({"said": done.stdout, "git": [before, after]} | record))


def fresh(path):
    """Write the two months after the last one of the table; one row in a hundred is invalid."""
    rows = history(range(13, 15), rows=400)
    rows.loc[rows.index % 100 == 7, "plan"] = "gold"
    rows.to_csv(path, index=False)


@pytest.fixture(scope="module")
def fork(tmp_path_factory):
    """A clone after its first retraining, beside a bare origin that has main."""
    return moved(once(tmp_path_factory, "retraining", begun), tmp_path_factory.mktemp("fork") / "place")


def moved(place, to):
    """The clone in a copy of its folder, beside its origin."""
    shutil.copytree(place, to, symlinks=True)
    git(to / "clone", "remote", "set-url", "origin", str(to / "origin.git"))
    return to / "clone"


@pytest.fixture(scope="module")
def months(fork):
    """The rows of the first retraining."""
    return fork.parent / "fresh.csv"


@pytest.fixture(scope="module")
def proposed(fork):
    """The record and output of the first retraining, and git's status of the user's checkout before and after it."""
    return json.loads((fork.parent / "first.json").read_text())


def test_it_ends_with_a_branch_to_propose(proposed):
    assert proposed["outcome"] == "proposed", proposed["reasons"]
    assert f"PROPOSED: branch retrain/{DAY} is ready" in proposed["said"]


def test_the_users_checkout_is_not_changed(fork, proposed):
    before, after = proposed["git"]

    assert before == after
    assert len(git(fork, "worktree", "list").splitlines()) == 1


def test_the_branch_holds_data_lock_metrics_and_the_rows_themselves(fork):
    changed = git(fork, "diff", "--name-only", "main", f"retrain/{DAY}").splitlines()

    assert {"data.dvc", "dvc.lock", "build/metrics.json", "build/profile.json"} <= set(changed)
    assert {name.split("/")[0] for name in changed} == {"data.dvc", "dvc.lock", "build", ".dvc"}


def test_broken_rows_are_kept_in_quarantine_and_counted(fork, proposed):
    kept = pd.read_csv(fork / "build" / "quarantine.csv")

    assert proposed["rows"]["fresh"] == 792
    assert proposed["rows"]["why"] == {"plan: not a level in the contract": 8}
    assert (kept["plan"] == "gold").all()
    assert len(kept) == 8


def test_a_new_clone_gets_rows_and_sides_from_the_branch_and_no_test_row_was_trained_on(fork, tmp_path):
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


def test_champion_and_challenger_are_compared_on_fresh_and_on_old_rows(fork, proposed):
    test_rows = len(pd.read_parquet(fork / "build" / "test.parquet"))

    parts = {c["part"]: c for c in proposed["compared"]}

    assert parts["old"]["rows"] == test_rows
    assert 100 < parts["fresh"]["rows"] < 220
    assert parts["old"]["old"] == pytest.approx(proposed["before"]["roc_auc"], abs=1e-4)


def test_the_same_rows_on_the_same_day_give_the_same_commit(fork, months, proposed):
    _, again = retrain(fork, "--rows", str(months))

    assert again["commit"] == proposed["commit"]


def test_within_the_cooldown_nothing_is_done_unless_forced(fork, months):
    git(fork, "push", "-q", "origin", f"retrain/{DAY}")

    done, record = retrain(fork, "--rows", str(months), date="2026-11-24")

    git(fork, "push", "-q", "origin", "--delete", f"retrain/{DAY}")
    assert record["outcome"] == "waiting"
    assert "last proposal is from 2026-11-21" in done.stdout


def test_a_model_refused_by_gates_is_not_proposed(fork, tmp_path, months):
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


def test_too_few_rows_start_no_retraining(fork, tmp_path):
    history([13], rows=100).to_parquet(tmp_path / "rows.parquet")

    _, record = retrain(fork, "--rows", str(tmp_path / "rows.parquet"), "--force")

    assert record["outcome"] == "waiting"
    assert record["reasons"] == ["100 fresh labelled rows: fewer than retrain.min_rows 500"]


@pytest.mark.parametrize("arguments", [[], ["--rows", "nowhere.csv"]])
def test_without_rows_the_message_names_the_variable(fork, arguments):
    done, _ = retrain(fork, *arguments, "--force")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert ("ROWS=" in done.stderr) or ("nowhere.csv is missing" in done.stderr)


def test_from_fresh_rows_to_the_merge_on_github_and_the_next_retraining(fork, months, proposed, tmp_path):
    clone, origin = moved(fork.parent, tmp_path / "place"), tmp_path / "place" / "origin.git"
    written = {key: value for key, value in proposed.items() if key not in {"said", "git"}}  # which these tests add
    (clone / "build" / "retrain.json").write_text(json.dumps(written))
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
    assert known["reasons"][0].startswith("8 fresh labelled rows: fewer")  # those in quarantine
    assert known["rows"]["known"] == 792
