"""Processes that push and are killed, for test_branch.

python -m tests.registry.crew race|crash REMOTE FOLDER ROUNDS SEED. MLflow is imported once and each actor is a fork, so
that a round costs a fraction of a second.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import ml.stages  # noqa: F401
from ml.model import identity
from ml.registry import branch, embedded_home, ledger, registry, tracking
from ml.registry.embedded_home import Embedded

PROJECT = "crew"


def clone(remote, folder):
    """A git repository with the remote as origin, and nothing else."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", remote], check=True)
    return folder


def work(folder, word, promote):
    """Register a new model in a clone, perhaps promote it, and push."""
    os.chdir(folder)
    content = (word * 20_000).encode()
    place = Path(f"new-{word}")
    place.mkdir(exist_ok=True)
    (place / "model.skops").write_bytes(content)
    (place / "contract.json").write_text("{}")
    (place / "MLmodel").write_text("flavors: {}\n")
    digest = identity.of(place)
    lineage = {"commit": None, "data": {"md5": None}, "changed": []}
    dataset = {"name": "none", "digest": "none"}
    run = {"digest": digest, "name": word, "params": {}, "metrics": {"accuracy": 0.5}, "tags": {}, "dataset": dataset}
    home, verdict = Embedded(PROJECT), {"passed": True}
    home.register(registry.stamped("register", digest, "", run={**run, "lineage": lineage}, verdict=verdict), place)
    if promote:
        home.move(registry.stamped("promote", digest, word))
    branch.push(home)


def fork(*arguments):
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work(*arguments)
        code = 0
    finally:
        os._exit(code)


def faults(folder):
    """The faults of the registry in a folder: none if every named file is complete and MLflow agrees."""
    os.chdir(folder)
    home = Embedded(PROJECT)
    state = home.show()
    wrong = [v.number for v in state.versions if identity.digest(home.content(v)) != v.model]
    if state.versions:
        client = tracking.open_client(home.home)
        shown = {v.tags["model.digest"]: int(v.version) for v in client.search_model_versions(f"name = '{PROJECT}'")}
        wrong += ["mlflow"] if shown != {v.model: v.number for v in state.versions} else []
    return wrong


def on_branch(remote):
    """The ledger of the remote, and the models that its branch lacks."""
    show = subprocess.run(["git", "-C", remote, "show", "mlflow:ledger.jsonl"], capture_output=True, check=False)
    entries = embedded_home.loads(show.stdout, "the branch") if show.returncode == 0 else []
    tree = subprocess.run(
        ["git", "-C", remote, "ls-tree", "--name-only", "mlflow:models"], capture_output=True, check=False
    )
    there = set(tree.stdout.decode().split())
    return entries, [v.model for v in ledger.fold(entries).versions if v.model not in there]


def race(remote, folder, rounds, _):
    """Two clones register, promote and push at the same time, several times."""
    clones = [clone(remote, folder / name) for name in ("a", "b")]
    codes = []
    for number in range(rounds):
        children = [fork(place, f"{place.name}{number}-", True) for place in clones]
        codes += [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    entries, lacking = on_branch(remote)
    state = ledger.fold(entries)
    for place in clones:
        os.chdir(place)
        branch.pull(Embedded(PROJECT))
    same = [(place / ".mlflow/ledger.jsonl").read_bytes() == embedded_home.dumps(entries) for place in clones]
    actions = [e["action"] for e in entries]
    return {
        "failed": sum(map(bool, codes)),
        "versions": len(state.versions),
        "promotions": actions.count("promote"),
        "lacking": lacking,
        "faults": [fault for place in clones for fault in faults(place)],
        "same": all(same),
    }


def crash(remote, folder, rounds, seed):
    """One clone registers, pushes and is killed at a random moment, several times."""
    place, rng = clone(remote, folder / "a"), random.Random(seed)
    for word in ("first-", "second-"):  # the first one makes the database, which takes longer
        started = time.monotonic()
        os.waitpid(fork(place, word, True), 0)
        usual = time.monotonic() - started
    killed, wrong = 0, []
    for number in range(rounds):
        child = fork(place, f"r{number}-", True)
        time.sleep(rng.uniform(0, usual))
        os.kill(child, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        wrong += on_branch(remote)[1]
        helper = os.fork()
        if not helper:
            os._exit(bool(faults(place)))
        wrong += [number] if os.waitpid(helper, 0)[1] else []
    os.waitpid(fork(place, "last-", True), 0)
    os.chdir(place)
    entries, lacking = on_branch(remote)
    mine = Embedded(PROJECT).entries()
    return {
        "killed": killed,
        "wrong": wrong + lacking,
        "same": entries == mine,
        "last": entries[-1]["reason"],
        "versions": len(ledger.fold(entries).versions),
    }


if __name__ == "__main__":
    import mlflow
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

    what, remote_, folder_, rounds_, seed_ = sys.argv[1:]
    play = {"race": race, "crash": crash}[what]
    print(json.dumps(play(remote_, Path(folder_).resolve(), int(rounds_), int(seed_))))
