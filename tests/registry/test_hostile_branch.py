"""Attacks by anyone who can write to branch `mlflow`: a line is refused when pulled, and nothing else happens."""

import json
import shutil
import subprocess

import pytest

from ml.io.errors import UserError
from ml.model import identity
from ml.registry import branch, ledger, registry
from ml.registry.embedded_home import Embedded
from ml.stages import models
from tests.conftest import SAMPLE
from tests.registry.conftest import MLFLOW


def git(folder, *arguments, data=None):
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, input=data
    )
    return done.stdout.strip()


def model(folder, word):
    """A small model folder and the entry that registers it."""
    place = folder / f"new-{word}"
    place.mkdir()
    (place / "model.skops").write_text(word)
    (place / "contract.json").write_text("{}")
    digest = identity.of(place)
    lineage = {"commit": None, "changed": [], "data": {"md5": None}}
    run = {"digest": digest, "name": word, "params": {}, "metrics": {}, "tags": {}, "dataset": {}, "lineage": lineage}
    return registry.stamped("register", digest, "", run=run, verdict={"passed": True}), place


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A registry with one version, also on its remote, without MLflow's database."""
    for name in MLFLOW:
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(tmp_path, "init", "-q", "clone")
    git(tmp_path / "clone", "remote", "add", "origin", str(tmp_path / "remote.git"))
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setattr(Embedded, "show", Embedded.state)
    made = Embedded("churn")
    made.register(*model(tmp_path, "one"))
    branch.push(made)
    return made


def crafted(home, lines="", models=""):
    """Write to the branch as an attacker: additional lines in the ledger, additional files in the tree of models."""
    remote = home.home.resolve().parent.parent / "remote.git"
    old = git(remote, "show", "mlflow:ledger.jsonl") + "\n"
    blob = git(remote, "hash-object", "-w", "--stdin", data=old + lines)
    folders = git(remote, "mktree", data=git(remote, "ls-tree", "mlflow:models") + "\n" + models)
    tree = git(remote, "mktree", data=f"100644 blob {blob}\tledger.jsonl\n040000 tree {folders}\tmodels\n")
    git(remote, "update-ref", "refs/heads/mlflow", git(remote, "commit-tree", tree, "-p", "mlflow", "-m", "x"))
    return remote


def line(**changes):
    entry = {"action": "register", "time": "2026-01-01T00:00:00+00:00", "who": "x", "reason": ""}
    return json.dumps(entry | changes) + "\n"


def test_a_digest_that_is_a_path_deletes_nothing(home, tmp_path, capsys):
    precious = tmp_path / "clone" / "src"
    precious.mkdir()
    evil = home.entries()[0] | {"model": "../../src"}
    crafted(home, json.dumps(evil) + "\n" + line(model="../../src", action="prune"))

    state = branch.pull(home)
    home.prune([registry.stamped("prune", version.model, "") for version in ledger.doomed(state, keep=0)])

    assert precious.is_dir()
    assert [v.number for v in state.versions] == [1]
    assert "line 2 is refused: `model" in capsys.readouterr().err


@pytest.mark.parametrize("metrics", [{}, {"accuracy": 0.9}, {"rmse": 2.0, "mae": 1.0, "rows": 9.0}])
def test_versions_are_shown_with_any_metrics(home, tmp_path, capsys, metrics):
    shutil.copy(SAMPLE, tmp_path / "clone")
    entry, place = model(tmp_path, "two")
    home.register(entry | {"run": entry["run"] | {"metrics": metrics}}, place)

    models.main()

    head, newest, _ = capsys.readouterr().out.splitlines()
    assert head.split()[2:-4] == sorted({*metrics} - {"rows"})
    assert newest.split()[0] == "2"


def test_a_path_is_never_a_folder_of_a_model(home):
    for name in ("../../src", "/etc", "", "A" * 64, "a" * 63):
        with pytest.raises(UserError, match="not a folder of a model"):
            home.folder(name)


def test_a_link_instead_of_a_model_is_neither_followed_nor_deleted(home, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (home.home / "models" / ("b" * 64)).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UserError, match="not a folder of a model"):
        home.drop("b" * 64)
    assert (tmp_path / "elsewhere").is_dir()


def test_links_and_files_of_another_model_are_refused_and_the_rest_is_pulled(home, tmp_path, capsys):
    other, _ = model(tmp_path, "two")
    remote = home.home.resolve().parent.parent / "remote.git"
    secret = git(remote, "hash-object", "-w", "--stdin", data="/etc/passwd")
    false = git(remote, "hash-object", "-w", "--stdin", data="another model")
    tree = git(remote, "mktree", data=f"120000 blob {secret}\tcard.md\n100644 blob {false}\tmodel.skops\n")
    good, there = model(tmp_path, "three")
    parts = [f"100644 blob {git(remote, 'hash-object', '-w', str(p))}\t{p.name}\n" for p in sorted(there.iterdir())]
    whole = git(remote, "mktree", data="".join(parts))
    models = f"040000 tree {tree}\t{other['model']}\n040000 tree {whole}\t{good['model']}\n"
    crafted(home, json.dumps(other) + "\n" + json.dumps(good) + "\n", models)

    branch.pull(home)

    assert not home.folder(other["model"]).exists()
    assert home.whole(good["model"])
    said = capsys.readouterr().err
    assert "card.md on branch mlflow is refused: it is not a plain file" in said
    assert f"models/{other['model']} on branch mlflow is refused: its digest differs from its name" in said


def test_a_push_after_a_crafted_line_leaves_it_out(home, tmp_path):
    remote = crafted(home, "not json\n" + line(model="../x"))
    home.register(*model(tmp_path, "two"))
    branch.push(home)

    assert [json.loads(text)["action"] for text in git(remote, "show", "mlflow:ledger.jsonl").split("\n")] == [
        "register"
    ] * 2


@pytest.mark.parametrize("word", ["\u2028", "\x85", "\x0c", "\r", "\x00", "\x1b[2J", "ü😀"])
def test_any_reason_survives_the_branch_unchanged(home, tmp_path, monkeypatch, word):
    home.move(registry.stamped("promote", home.state().version(1).model, f"a{word}b"))
    branch.push(home)
    other = Embedded("churn", tmp_path / "other")
    state = branch.pull(other)

    assert state.events[-1].reason == f"a{word}b"


def test_a_remote_that_git_would_read_as_an_option_is_refused(home, tmp_path):
    with pytest.raises(UserError, match="is not a remote"):
        branch.pull(home, f"--upload-pack=touch {tmp_path / 'ran'}")
    assert not (tmp_path / "ran").exists()


def test_a_pull_repairs_a_damaged_ledger_and_keeps_a_copy(home, capsys):
    path = home.home / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-40] + b"\n")

    with pytest.raises(UserError, match=r"line 1 is damaged. `make registry DO=pull` repairs it"):
        home.state()
    assert [v.number for v in branch.pull(home).versions] == [1]
    assert len(list(home.home.glob("ledger.jsonl.damaged-*"))) == 1
