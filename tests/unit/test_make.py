"""What a user gives to make reaches the command as it was typed, and nothing of it runs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path("Makefile").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^([a-z][\w-]*):[^\n]*\n((?:\t[^\n]*\n)+)", MAKEFILE, re.MULTILINE))
USED = sorted((target, name) for target, body in RECIPES.items() for name in {*re.findall(r"\$\${(\w+)", body)})
HOSTILE = ["'; touch ran; '$(shell touch ran)a$b", '"; touch ran; "$$(touch ran)`touch ran`', "-x"]
WORDS = {"PYTEST_FLAGS"}  # more than one word is meant
PROGRAMS = ("python", "python3", "dvc", "ruff", "docker", "haproxy")
RECORDER = r"""#!/bin/sh
{ printf '%s\037' "$@"; printf '\036'; env -0; printf '\036'; } >>calls
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with our Makefile in which every program that a recipe calls only writes down how it was called."""
    folder = tmp_path_factory.mktemp("make")
    shutil.copy("Makefile", folder)
    (folder / "tools").mkdir()
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("tools/make_venv.py", *(f".venv/bin/{program}" for program in PROGRAMS)):
        (folder / name).write_text(RECORDER)
        (folder / name).chmod(0o755)
    return folder


def called(folder, target, **variables):
    """The arguments and environments of all that `make TARGET NAME=value` called."""
    for left in ("calls", "ran"):
        (folder / left).unlink(missing_ok=True)
    given = [f"{name}={value}" for name, value in variables.items()]
    kept = {"PATH": os.environ["PATH"], "REGISTRY_USER": "x", "REGISTRY_PASSWORD": "x"}
    subprocess.run(["make", target, *given], cwd=folder, env=kept, capture_output=True, check=False)
    calls = folder / "calls"
    parts = calls.read_text().split("\036") if calls.exists() else []
    return [(a.split("\037"), e.split("\0")) for a, e in zip(parts[::2], parts[1::2], strict=False)]


@pytest.mark.parametrize(("target", "name"), USED)
def test_a_value_is_text_and_nothing_else(folder, target, name):
    for value in HOSTILE:
        calls = called(folder, target, **{name: value})

        assert not (folder / "ran").exists(), f"make {target} {name}={value!r} runs it"
        if name not in WORDS | {"PYTHON", "CONTAINER_ENGINE"}:  # these name the program that is called
            assert any(f"{name}={value}" in environment for _, environment in calls)
        given = re.search(rf'--([\w-]+)="\$\${{{name}:-', RECIPES[target])
        if given:
            assert any(f"--{given[1]}={value}" in arguments for arguments, _ in calls)


def test_a_value_in_the_environment_is_text_too(folder):
    hostile = {name: "$(shell touch ran)" for _, name in USED if name not in {"PYTHON", "CONTAINER_ENGINE"}}

    for target in RECIPES:
        subprocess.run(["make", target], cwd=folder, env=os.environ | hostile, capture_output=True, check=False)

    assert not (folder / "ran").exists()


def test_every_documented_variable_is_read_from_the_environment():
    documented = {
        (target, name)
        for target, text in re.findall(r"^([a-z][\w-]*):[^#\n]*## (.*)", MAKEFILE, re.MULTILINE)
        for name in re.findall(r"\b([A-Z][A-Z_]+)=", text)
    }

    elsewhere = {("ship", "PREDICTION_LOG")}  # read by the command itself
    assert documented - elsewhere <= set(USED)


def test_make_itself_expands_no_variable_of_the_user():
    expanded = set(re.findall(r"(?<!\$)\$[({](\w+)[)}]", "".join(RECIPES.values())))

    assert expanded <= {"VENV", "CURDIR", "MAKE"}
