"""The embedded registry on a branch: shared, pushed concurrently, killed, moved and pruned."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import mlflow
import pytest

from ml.deployment import deployment_log
from ml.deployment.deployment_log import Where
from ml.io.errors import UserError
from ml.registry import branch, ledger, registry, tracking, view
from ml.registry.embedded_home import Embedded
from tests.conftest import ROOT
from tests.registry.conftest import MLFLOW

pytestmark = pytest.mark.slow


def git(folder, *arguments):
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def remote(tmp_path, monkeypatch):
    for name in MLFLOW:
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    return tmp_path / "remote.git"


@pytest.fixture
def clone(tmp_path, remote, monkeypatch, blank):
    """Make a clone with this name, make it the current folder, and return its registry."""

    def enter(name):
        folder = tmp_path / name
        if not folder.exists():
            git(tmp_path, "init", "-q", name)
            git(folder, "remote", "add", "origin", str(remote))
            shutil.copytree(blank, folder / tracking.HOME)
        monkeypatch.chdir(folder)
        return Embedded("churn")

    return enter


def register(home, fitted, number):
    return home.register(fitted.entry(number), fitted.folder(number))


def crew(what, remote, folder, rounds):
    folder.mkdir()
    env = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.registry.crew", what, str(remote), str(folder), str(rounds), "7"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_registry_starts_empty_after_folder_and_branch_are_deleted(clone, remote, fitted):
    old = clone("one")
    register(old, fitted, 1)
    branch.push(old)
    shutil.move(tracking.HOME, "old-registry")
    git(".", "push", "-q", "origin", "--delete", "mlflow")

    entry, new = fitted.entry(2), Embedded("churn")
    new.keep(entry["model"], fitted.folder(2))
    new.change(lambda known: [*known, entry])  # as register does, without MLflow, which remembers the old database
    branch.push(new)

    assert [v.model for v in branch.pull(clone("two")).versions] == [entry["model"]]


def test_a_push_can_be_pulled_by_another_clone(clone, fitted):
    here = clone("here")
    register(here, fitted, 1)
    here.move(registry.stamped("promote", here.state().version(1).model, "first"))
    branch.push(here)
    there = clone("there")
    branch.pull(there)

    found = registry.champion(tracking.HOME, "churn")
    assert (found.version, found.model) == (1, fitted.content(1))
    assert there.state() == here.state()


def test_a_push_changes_neither_files_nor_index_nor_branches(clone, fitted, remote):
    home = clone("here")
    git(".", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first")
    register(home, fitted, 1)
    before = git(".", "status", "--porcelain", "--branch"), git(".", "branch"), git(".", "rev-parse", "HEAD")
    branch.push(home)
    after = git(".", "status", "--porcelain", "--branch"), git(".", "branch"), git(".", "rev-parse", "HEAD")

    assert before == after
    assert git(remote, "log", "-1", "--format=%s", "mlflow").startswith("register version 1 by ")


def test_pushing_twice_makes_one_commit(clone, fitted, remote):
    home = clone("here")
    register(home, fitted, 1)
    branch.push(home)

    assert branch.push(home)[1] == []
    assert git(remote, "rev-list", "--count", "mlflow").strip() == "1"


def test_version_1_registered_twice_becomes_1_and_2_in_both_clones_and_in_mlflow(clone, fitted):
    here, there = clone("here"), clone("there")
    clone("here")
    register(here, fitted, 1)
    branch.push(here)
    clone("there")
    register(there, fitted, 2)
    branch.push(there)
    clone("here")
    state = branch.pull(here)

    assert [v.model for v in state.versions] == [fitted.entry(n)["model"] for n in (1, 2)]
    for name in ("here", "there"):
        clone(name)
        Embedded("churn").show()
        client = tracking.open_client()
        shown = {client.get_model_version("churn", str(n)).tags["model.digest"] for n in (1, 2)}
        assert shown == {v.model for v in state.versions}
        assert client.get_model_version_by_alias("churn", "challenger").version in (2, "2")


def test_8_rounds_of_concurrent_pushes_lose_nothing(remote, tmp_path):
    found = crew("race", remote, tmp_path / "crew", 8)

    assert found == {"failed": 0, "versions": 16, "promotions": 16, "lacking": [], "faults": [], "same": True}


def test_the_registry_stays_usable_after_20_kills_at_random_moments(remote, tmp_path):
    found = crew("crash", remote, tmp_path / "crew", 20)

    assert found["wrong"] == []
    assert found["killed"] > 10
    assert (found["same"], found["last"]) == (True, "last-")


def test_a_moved_folder_can_be_read_and_changed(clone, fitted, tmp_path, monkeypatch, params):
    home = clone("here")
    register(home, fitted, 1)
    shutil.move(tmp_path / "here", tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    uri = tracking.embedded_uri()
    monkeypatch.chdir(tmp_path)  # from any folder
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    local = mlflow.artifacts.download_artifacts("models:/churn@challenger")

    assert str(tmp_path / "elsewhere") in local
    monkeypatch.chdir(tmp_path / "elsewhere")
    state = register(Embedded("churn"), fitted, 2)
    assert [v.number for v in state.versions] == [1, 2]
    assert not (tmp_path / "here").exists()


def test_an_address_outside_the_home_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("REGISTRY_HOME", str(tmp_path / "home"))

    with pytest.raises(mlflow.MlflowException, match="leads out of"):
        mlflow.artifacts.download_artifacts("store:/../../etc/passwd")


def test_a_missing_mlflow_database_is_rebuilt_from_the_ledger(clone, fitted):
    home = clone("here")
    for number in (1, 2):
        register(home, fitted, number)
    (home.home / "mlflow.db").unlink()
    home.show()

    versions = tracking.open_client().search_model_versions("name = 'churn'")
    assert {int(v.version) for v in versions} == {1, 2}


def change(database, statement):
    with closing(sqlite3.connect(database)) as opened:
        opened.execute(statement)
        opened.commit()


DAMAGES = {
    "noise": lambda database: database.write_bytes(b"SQLite format 3\0" + b"\7" * 9000),
    "torn": lambda database: database.write_bytes(database.read_bytes()[:20_000]),
    "another release": lambda database: change(database, "update alembic_version set version_num = '000000000000'"),
    "a table is gone": lambda database: change(database, "drop table model_versions"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_mlflow_database_is_rebuilt_from_the_ledger(clone, fitted, damage, capsys):
    home = clone("here")
    for number in (1, 2):
        register(home, fitted, number)
    damage(home.home / "mlflow.db")
    view._forget()  # as the next process, which has nothing open
    register(home, fitted, 3)

    versions = tracking.open_client().search_model_versions("name = 'churn'")
    assert {int(v.version) for v in versions} == {1, 2, 3}
    assert len(list(home.home.glob("mlflow.db.damaged-*"))) == 1
    said = capsys.readouterr().err
    assert "MLflow's database cannot be used" in said
    assert "created again from the ledger: 3 versions" in said


def test_pruning_frees_the_files_here_and_on_the_branch_and_keeps_the_record(clone, fitted, remote):
    home = clone("here")
    for number in (1, 2, 3):
        register(home, fitted, number)
    home.move(registry.stamped("promote", home.state().version(1).model, ""))
    branch.push(home)
    doomed = ledger.doomed(home.state(), keep=1)
    home.prune([registry.stamped("prune", version.model, "") for version in doomed])
    branch.push(home)

    names = git(remote, "ls-tree", "--name-only", "mlflow:models").split()
    assert sorted(names) == sorted(fitted.entry(n)["model"] for n in (1, 3))
    with pytest.raises(UserError, match="its files were pruned"):
        home.content(home.state().version(2))
    assert home.state().version(2).lineage.data.rows == 1200


@pytest.mark.parametrize("first", ["ann", "bob"])
def test_a_version_promoted_during_pruning_keeps_its_files(clone, fitted, first):
    ann = clone("ann")
    for number in (1, 2):
        register(ann, fitted, number)
    branch.push(ann)
    bob = clone("bob")
    branch.pull(bob)
    bob.move(registry.stamped("promote", bob.state().version(1).model, ""))
    clone("ann")
    ann.prune([registry.stamped("prune", ann.state().version(1).model, "")])
    found = {}
    for name in (first, "bob" if first == "ann" else "ann", first):
        branch.push(clone(name))
        found[name] = registry.champion(tracking.HOME, "churn")

    assert [found[name].model for name in ("ann", "bob")] == [fitted.content(1)] * 2


def test_a_remote_that_cannot_be_reached_is_named(clone, fitted):
    home = clone("here")
    register(home, fitted, 1)
    git(".", "remote", "set-url", "origin", "/nowhere/at/all.git")

    with pytest.raises(UserError, match="cannot be reached at origin"):
        branch.push(home)


def test_a_remote_that_refuses_is_quoted(clone, fitted, remote):
    home = clone("here")
    register(home, fitted, 1)
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no room here >&2\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(UserError, match="no room here"):
        branch.push(home)


@pytest.mark.parametrize("name", ["model.skops", "contract.json"])
def test_a_model_file_that_was_changed_is_not_served(clone, fitted, name):
    home = clone("here")
    state = register(home, fitted, 1)
    (home.folder(state.versions[0].model) / name).write_bytes(b"something else")

    with pytest.raises(UserError, match="is not the model that was registered"):
        home.content(state.versions[0])


def test_deployments_of_two_clones_are_merged_on_the_branch(clone, remote):
    def deploy(home, env):
        home.note(deployment_log.begin(Where(env), "image", "0" * 64, ""))

    ann = clone("ann")
    deploy(ann, "staging")
    branch.push(ann)
    bob = clone("bob")
    deploy(bob, "production")
    branch.push(bob)
    clone("ann")
    branch.pull(ann)

    assert [d.env for d in deployment_log.fold(ann.deployments())] == ["staging", "production"]
    assert "started a model that is not registered in production (local)" in git(
        remote, "log", "-1", "--format=%s", "mlflow"
    )


def test_verdicts_of_two_clones_are_merged_on_the_branch(clone, remote):
    def remember(home, verdict):
        home.remember(registry.stamped("monitor", "0" * 64, "1,000 predictions", verdict=verdict))

    ann = clone("ann")
    remember(ann, "stable")
    branch.push(ann)
    bob = clone("bob")
    remember(bob, "drift")
    branch.push(bob)
    clone("ann")
    remember(ann, "degraded")
    _, news = branch.push(ann)
    again = branch.push(ann)[1]
    clone("bob")
    branch.pull(bob)

    assert [v["verdict"] for v in bob.verdicts()] == ["stable", "drift", "degraded"]
    assert ([v["verdict"] for v in news], again) == (["degraded"], [])
    assert "monitor a model that is not registered" in git(remote, "log", "-1", "--format=%s", "mlflow")
