"""In a clean clone: build, register, refuse, promote, rebuild and tune, with the commands of a user."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ml.model import identity
from ml.registry.embedded_home import Embedded
from tests.conftest import ROOT, once
from tests.registry.conftest import MLFLOW

pytestmark = [pytest.mark.slow, pytest.mark.template]


def stage(folder, name, *flags, check=True):
    return command(folder, sys.executable, "-m", f"ml.stages.{name}", *flags, check=check)


def command(folder, *words, check=True):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {name: value for name, value in os.environ.items() if name not in MLFLOW}
    env |= {"PATH": path, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder}"}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def build(folder, threshold=0.5, **train):
    """Train another model in a folder, with few replicates, and commit it with a passing verdict."""
    path = folder / "params.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["train"] |= {"random_forest": {"n_estimators": 5, "max_depth": 6}, **train}
    settings["evaluate"] |= {"bootstrap": 100, "threshold": threshold}
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    command(folder, "dvc", "repro", "--quiet", "evaluate")  # not `track`: MLflow takes longer than all before it
    command(folder, "git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "Another model")
    write_verdict(folder, passed=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A clone with a small model, registered as version 1 from a clean commit."""
    if not (ROOT / ".git").exists():
        pytest.skip("these tests clone the repository: run them in a git checkout")
    place = tmp_path_factory.mktemp("clone") / "first"
    return shutil.copytree(once(tmp_path_factory, "registered", registered), place, symlinks=True)


def registered(place):
    subprocess.run(["git", "clone", "-q", f"file://{ROOT}", str(place)], check=True)
    command(place, "dvc", "pull", "--quiet", "data.dvc")
    build(place, seed=0)
    stage(place, "register")


@pytest.fixture(scope="module")
def second(folder, tmp_path_factory):
    """The same clone at another path with an unregistered next build that has another threshold."""

    def make(place):
        shutil.copytree(folder, place, symlinks=True, dirs_exist_ok=True)
        build(place, threshold=0.3, seed=3)

    return once(tmp_path_factory, "second", make)


def write_verdict(place, *, passed):
    """Write a verdict of the gates on the build that passes or refuses; the gates have their own tests."""
    reason = "accuracy 0.700 is below the minimum 0.850 (interval 0.68 to 0.72, 2,388 rows)"
    refusal = {"gate": "accuracy", "passed": passed, "reason": reason, "severity": "critical"}
    found = {"passed": passed, "champion": "better", "off": [], "verdicts": [refusal]}
    verdict = {"model": digest(place), "against": champion(place), **found}
    (place / "build" / "verdict.json").write_text(json.dumps(verdict))


def champion(place):
    """The champion's name in the registry of a folder; None without a champion."""
    named = Embedded("churn", place / ".mlflow").state().named("champion")
    return named and named.model


def digest(place):
    """The name of the built model."""
    return identity.of(place / "build" / "model")


def test_the_first_version_is_promoted_and_listed_with_its_commit(folder):
    listed = stage(folder, "models").stdout

    commit = command(folder, "git", "rev-parse", "HEAD").stdout[:8]
    line = next(line for line in listed.splitlines() if line.startswith("1 "))
    assert "champion" in line
    assert commit in line
    assert f"{commit}+" not in line


def test_a_version_keeps_what_monitoring_compares_with(folder):
    kept = next((folder / ".mlflow" / "models").glob("*/reference.json")).read_bytes()

    assert kept == (folder / "build" / "reference.json").read_bytes()
    assert json.loads(kept)["rows"] > 9000


def test_registering_again_adds_nothing_and_says_so(folder):
    done = stage(folder, "register")

    assert "already version 1" in done.stderr
    assert len(stage(folder, "models").stdout.splitlines()) == 2


def test_each_version_keeps_its_own_threshold(folder, second, tmp_path):
    moved, before = tmp_path / "moved", digest(folder)
    shutil.copytree(second, moved, symlinks=True)
    done = stage(moved, "register")

    kept = [moved / ".mlflow" / "models" / name / "contract.json" for name in (before, digest(moved))]
    assert "now version 2" in done.stderr
    assert [json.loads(path.read_text())["threshold"] for path in kept] == [0.5, 0.3]


def test_the_card_tells_use_data_metrics_and_gates(folder):
    card = next((folder / ".mlflow" / "models").glob("*/card.md")).read_text()

    for heading in ("Intended use", "Data", "Performance", "Gates", "Origin"):
        assert f"## {heading}" in card
    assert "12,000 rows" in card
    assert "| roc_auc |" in card


def test_a_version_rebuilt_from_its_record_is_identical(folder):
    done = stage(folder, "reproduce", "--version", "1")

    assert done.stdout.startswith("version 1 is identical")
    assert command(folder, "git", "worktree", "list").stdout.count("\n") == 1


def test_a_clone_at_another_path_reads_and_rebuilds_the_same_model(folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved, symlinks=True)

    assert stage(moved, "models").stdout == stage(folder, "models").stdout
    stage(moved, "promote", "--version", "1")


def test_a_model_whose_bytes_differ_is_called_different_with_what_differs(folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved, symlinks=True)
    forge(moved, lambda entry: entry["run"]["lineage"]["libraries"].update(numpy="1.0.0"), seed=5)
    done = stage(moved, "reproduce", "--version", "1", check=False)

    assert done.returncode == 1
    assert "version 1 is different: scores of 2,388 test rows differ by at most" in done.stdout
    assert "numpy was 1.0.0, is" in done.stdout


def forge(place, change, seed):
    """Replace the model of version 1 and change its record: a registry whose build cannot be reproduced."""
    settings = yaml.safe_load((place / "params.yaml").read_text())
    settings["train"]["seed"] = seed
    (place / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    stage(place, "train")
    other = place / "build" / "model" / "model.skops"
    new = digest(place)
    ledger = place / ".mlflow" / "ledger.jsonl"
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    old = entries[0]["model"]
    for entry in entries:
        entry["model"] = new
    change(entries[0])
    ledger.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    shutil.copytree(place / ".mlflow" / "models" / old, place / ".mlflow" / "models" / new)
    shutil.copy(other, place / ".mlflow" / "models" / new)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda known: known.update(commit="1" * 40), "commit 1111111"),
        (lambda known: known["data"].update(md5="2" * 32), f"{'2' * 32} was recorded"),
        (lambda known: known.update(commit=None), "built outside git"),
    ],
    ids=["commit", "data", "no git"],
)
def test_what_is_missing_for_a_rebuild_is_named(folder, tmp_path, change, said):
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved, symlinks=True)
    ledger = moved / ".mlflow" / "ledger.jsonl"
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    change(entries[0]["run"]["lineage"])
    ledger.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    done = stage(moved, "reproduce", "--version", "1", check=False)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_data_is_named(folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved, symlinks=True)
    shutil.rmtree(moved / ".dvc" / "cache")
    shutil.rmtree(moved / ".dvc/remote")
    command(moved, "git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "Lose the remote")
    ledger = moved / ".mlflow" / "ledger.jsonl"
    commit = command(moved, "git", "rev-parse", "HEAD").stdout.strip()
    entries = [json.loads(line) for line in ledger.read_text().splitlines()]
    entries[0]["run"]["lineage"]["commit"] = commit
    ledger.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    done = stage(moved, "reproduce", "--version", "1", check=False)

    assert done.returncode == 1
    assert "the data of version 1 cannot be fetched: data/customers.parquet" in done.stderr


def test_a_refused_build_needs_a_reason_and_keeps_it_and_is_not_promoted(second, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(second, moved, symlinks=True)
    write_verdict(moved, passed=False)
    refused = stage(moved, "register", check=False)
    forced = stage(moved, "register", "--force", "the gate is wrong today")

    assert refused.returncode == 1
    assert "accuracy 0.700 is below the minimum" in refused.stderr
    assert "version 2" in forced.stderr
    history = stage(moved, "models", "--history").stdout
    assert "the gate is wrong today" in history
    assert [line.split()[0] for line in stage(moved, "models").stdout.splitlines() if "champion" in line] == ["1"]


def test_a_verdict_against_another_champion_registers_and_does_not_promote(second, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(second, moved, symlinks=True)
    path = moved / "build" / "verdict.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"against": "the champion of yesterday"}))
    late = stage(moved, "register")
    first = champion(moved)
    write_verdict(moved, passed=True)
    again = stage(moved, "register")

    assert "now version 2" in late.stderr
    assert "the champion changed after the gates ran. Next: make run, make register" in late.stderr
    assert first != digest(moved)
    assert "already version 2" in again.stderr
    assert champion(moved) == digest(moved)


def test_a_verdict_on_another_model_does_not_count(folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved, symlinks=True)
    path = moved / "build" / "verdict.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": "another"}))
    done = stage(moved, "register", check=False)

    assert done.returncode == 1
    assert "judges another model" in done.stderr


def test_tuning_reads_no_test_rows_resumes_and_proposes_a_diff(folder, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved, symlinks=True)
    (moved / "build" / "test.parquet").unlink()
    settings = yaml.safe_load((moved / "params.yaml").read_text())
    settings["tune"] = {"folds": 2, "spaces": {"random_forest": {"max_depth": {"low": 1, "high": 12}}}}
    (moved / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    first = stage(moved, "tune", "--trials", "2")
    second = stage(moved, "tune", "--trials", "6")

    assert "0 done before" in first.stderr
    assert "4 trials of random_forest, 2 done before" in second.stderr
    assert "best of 6 trials" in second.stdout
    assert "+++ b/params.yaml" in second.stdout


def test_runs_side_by_side_show_what_differs(second):
    stage(second, "track")
    shown = stage(second, "compare").stdout

    assert "train.seed" in shown
    assert "train.max_depth" not in shown
    assert "roc_auc" in shown
