"""The cost of the registry: python -m lab.bench_registry [--versions 200] [--kilobytes 100]; `make bench` calls it.

Versions are random bytes, which git cannot compress: the most expensive case. `--kilobytes` sets their size.
"""

import ml.stages  # noqa: F401, I001  (no tool reports home)

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ml.model import identity
from ml.registry import branch, registry
from ml.registry.embedded_home import Embedded
from ml.io.text import counted

ROOT = Path(__file__).parent.parent
PROJECT = "churn"


def clone(remote, folder):
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", str(remote)], check=True)
    (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    os.chdir(folder)
    return Embedded(PROJECT)


def built(content, place):
    """A folder with the files that determine a model's digest."""
    place.mkdir(parents=True)
    for name, part in zip(identity.PARTS, (content, b"{}"), strict=True):
        (place / name).write_bytes(part)
    return place


def entry(number, place):
    digest = identity.of(place)
    lineage = {"commit": f"{number:040x}", "changed": [], "data": {"md5": f"{number:032x}"}, "params": "p" * 4000}
    metrics = {"accuracy": 0.9, "roc_auc": 0.95} | {f"metric_{i}": i / 24 for i in range(22)}
    data = {"name": "data", "digest": "d"}
    run = {"digest": digest, "name": f"model-{number}", "params": {"train.seed": number}, "metrics": metrics}
    run |= {"tags": {}, "dataset": data, "lineage": lineage}
    return registry.stamped("register", digest, "", run=run, verdict={"passed": True, "verdicts": ["v" * 200] * 30})


def fill(home, count, size):
    """Versions in the ledger with their files, as `register` stores them, without MLflow."""
    entries = []
    for number in range(count):
        content = random.Random(number).randbytes(size)
        place = built(content, home.home / "new" / str(number))
        entries.append(entry(number, place))
        home.keep(entries[-1]["model"], place)
    home.change(lambda known: known + entries)


def timed(act):
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def process(*command):
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    return timed(lambda: subprocess.run([sys.executable, *command], env=env, check=True, stdout=subprocess.DEVNULL))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--versions", type=int, default=200)
    parser.add_argument("--kilobytes", type=int, default=100)
    asked = parser.parse_args()
    imported = process("-c", "import mlflow, mlflow.store.tracking.sqlalchemy_store")
    with tempfile.TemporaryDirectory() as folder:
        remote = Path(folder) / "remote.git"
        subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
        home = clone(remote, Path(folder) / "here")
        fill(home, asked.versions, asked.kilobytes * 1000)
        first = timed(home.show)
        listing = process("-m", "ml.stages.models")
        place = built(b"one more", home.home / "new" / "more")
        one = timed(lambda: home.register(entry(asked.versions, place), place))
        sent = timed(lambda: branch.push(home))
        there = clone(remote, Path(folder) / "there")
        fetched = timed(lambda: branch.pull(there))
        os.chdir(ROOT)
    what = f"{counted(asked.versions, 'version')} of {asked.kilobytes} kB"
    print(f"\n| registry, {what} | seconds | aim |\n|---|---|---|")
    print(f"| import of MLflow with its database | {imported:.1f} | |")
    print(f"| `make models`, the whole process (it does not import MLflow) | {listing:.2f} | 3 beyond the import |")
    print(f"| registering one more, MLflow imported | {one:.2f} | seconds |")
    print(f"| push of all to an empty local remote | {sent:.1f} | |")
    print(f"| pull of all into an empty clone | {fetched:.1f} | |")
    print(f"| push and pull | {sent + fetched:.1f} | 10 |")
    print(f"| making MLflow's database of them, import included, once a clone | {first:.1f} | |")


if __name__ == "__main__":
    main()
