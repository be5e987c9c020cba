import os
import shutil
import subprocess
import sys

import pytest
import yaml

from tests import engine
from tests.conftest import ROOT, SAMPLE, once


@pytest.fixture(scope="session")
def stage():
    """A function that runs a stage in a folder, with the folder's own code and the tests' container engine."""
    if reason := engine.lacking():
        pytest.skip(reason)
    engine.prepare()

    def run(folder, name, *flags, **variables):
        code = f"{folder / 'src'}{os.pathsep}{folder}"
        environment = os.environ | engine.environment() | {"PYTHONPATH": code} | variables
        command = [sys.executable, "-m", f"ml.stages.{name}", *flags]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    yield run
    engine.sweep()


@pytest.fixture(scope="session")
def shop(tmp_path_factory, customers, stage):
    """A repository of one commit with a small model and its image built."""
    made = once(tmp_path_factory, "shop", lambda folder: furnished(folder, customers, stage))
    return shutil.copytree(made, tmp_path_factory.mktemp("shop"), symlinks=True, dirs_exist_ok=True)


def furnished(folder, customers, stage):
    for name in ("src", "serving"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Dockerfile", ".dockerignore", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    settings = yaml.safe_load(SAMPLE.read_text())
    settings["train"]["random_forest"]["n_estimators"] = 20
    settings["evaluate"]["bootstrap"] = 100
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    (folder / "data").mkdir()
    customers.to_parquet(folder / "data" / "customers.parquet")
    for name in ("validate", "prepare", "train", "evaluate"):
        done = stage(folder, name)
        assert done.returncode == 0, done.stderr
    commit(folder)
    done = stage(folder, "image")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def image(shop):
    """The name of the image that `make image` built in the shop."""
    return yaml.safe_load((shop / "build" / "image.json").read_text())["image"]


def commit(folder):
    who = ["-c", "user.name=shop", "-c", "user.email=shop@example.invalid"]
    for command in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "--quiet", "--message", "First"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
