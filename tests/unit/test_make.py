"""A variable of make reaches the command exactly as it was typed, and no part of it is executed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILES = [Path("Makefile"), *(path for path in (Path("demo/demo.mk"), Path("lab/lab.mk")) if path.exists())]
MAKEFILE = "".join(path.read_text(encoding="utf-8") for path in MAKEFILES)
RECIPES = dict(re.findall(r"^([a-z][\w-]*):[^\n]*\n((?:\t[^\n]*\n)+)", MAKEFILE, re.MULTILINE))
DO = re.compile(r'^\t  (""|[a-z|]+)\) ', re.MULTILINE)  # the words that a target with DO= knows; "": without DO
WORDS_OF = {target: "|".join(DO.findall(body)).replace('"', "").split("|") for target, body in RECIPES.items()}
USED = sorted((target, name) for target, body in RECIPES.items() for name in {*re.findall(r"\$\${(\w+)", body)})
HOSTILE = [
    "'; touch ran; '$(shell touch ran)a$b\n\ttouch ran\n",
    '"; touch ran; "$$(touch ran)`touch ran`\u202eé',
    "-x",
]
WORDS = {"PYTEST_FLAGS"}  # more than one word is meant
PROGRAM = {"PYTHON", "CONTAINER_ENGINE"}  # these name the program that is called
ALONE = {*WORDS, *PROGRAM, "DO"}
PROGRAMS = ("awk", "python", "python3", "dvc", "ruff", "docker", "haproxy")
RECORDER = r"""#!/bin/sh
{ printf '%s\037' "$@"; printf '\036'; env -0; printf '\036'; } >>calls
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with our Makefile in which each program that a recipe calls only records its call."""
    folder = tmp_path_factory.mktemp("make")
    (folder / "src" / "tools").mkdir(parents=True)
    for path in MAKEFILES:
        (folder / path).parent.mkdir(exist_ok=True)
        shutil.copy(path, folder / path)
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("src/tools/make_venv.py", *(f".venv/bin/{program}" for program in PROGRAMS)):
        (folder / name).write_text(RECORDER)
        (folder / name).chmod(0o755)
    return folder


def called(folder, target, **variables):
    """The arguments and environments of all programs that `make TARGET NAME=value` called."""
    for left in ("calls", "ran"):
        (folder / left).unlink(missing_ok=True)
    given = [f"{name}={value}" for name, value in variables.items()]
    kept = {"PATH": os.environ["PATH"], "REGISTRY_USER": "x", "REGISTRY_PASSWORD": "x"}
    subprocess.run(["make", target, *given], cwd=folder, env=kept, capture_output=True, check=False)
    calls = folder / "calls"
    parts = calls.read_text().split("\036") if calls.exists() else []
    return [(a.split("\037"), e.split("\0")) for a, e in zip(parts[::2], parts[1::2], strict=False)]


@pytest.mark.parametrize("target", sorted({target for target, _ in USED}))
def test_a_value_is_text_and_nothing_else(folder, target):
    """All variables of a target at once, except those that select the called program."""
    names = {name for used, name in USED if used == target}
    for together in filter(None, [names - ALONE, *({name} for name in names & ALONE)]):
        for value in HOSTILE:
            given = dict.fromkeys(together, value)
            calls = [
                call
                for word in WORDS_OF[target]
                for call in called(folder, target, **({"DO": word} if word else {}) | given)
            ]

            assert not (folder / "ran").exists(), f"make {target} {together}={value!r} runs it"
            for name in together - WORDS - PROGRAM:
                assert any(f"{name}={value}" in environment for _, environment in calls), name
            for name in together:
                option = re.search(rf'--([\w-]+)="\$\${{{name}:-', RECIPES[target])
                assert not option or any(f"--{option[1]}={value}" in arguments for arguments, _ in calls), name


@pytest.mark.parametrize("target", [target for target, words in WORDS_OF.items() if any(words)])
def test_an_unknown_word_for_a_target_is_refused(folder, target):
    done = subprocess.run(["make", target, "DO=no"], cwd=folder, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert all(word in done.stderr for word in WORDS_OF[target])


@pytest.mark.skipif(not Path("lab").exists(), reason="lab/ is deleted")
def test_variables_of_the_lab_are_plain_text_too(folder):
    shutil.copy("lab/Makefile", folder / "lab")
    for value in HOSTILE:
        (folder / "calls").unlink(missing_ok=True)
        subprocess.run(["make", "-C", "lab", "story", f"KEEP={value}"], cwd=folder, capture_output=True, check=False)

        assert not [*folder.rglob("ran")]
        assert f"--folder={value}\x1f" in (folder / "calls").read_text()


def test_make_help_is_short_and_all_lists_every_documented_target():
    short, whole = (
        subprocess.run(["make", "help", *more], capture_output=True, text=True, check=True).stdout
        for more in ([], ["ALL=1"])
    )

    documented = set(re.findall(r"^([a-z][a-z-]*):.*## ", MAKEFILE, re.MULTILINE))
    assert set(re.findall(r"^  ([a-z-]+) ", whole, re.MULTILINE)) == documented
    assert len(re.findall(r"^  [a-z-]+ ", short, re.MULTILINE)) <= 25


@pytest.mark.slow
def test_a_value_in_the_environment_is_plain_text_too(folder):
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

    elsewhere = {("run", "DEBUG")}  # read by the command itself
    assert documented - elsewhere <= set(USED)


def test_make_expands_no_variable_of_the_user():
    expanded = set(re.findall(r"(?<!\$)\$[({](\w+)[)}]", "".join(RECIPES.values())))

    assert expanded <= {"VENV", "CURDIR", "MAKE", "MAKEFILE_LIST"}


@pytest.mark.parametrize(("target", "fetches"), [("setup", True), ("test-fast", False), ("lint", False)])
def test_tests_fetch_no_build(folder, target, fetches):
    """They need none, and `dvc pull` takes seconds if no remote has the build of main."""
    assert any(arguments[:1] == ["pull"] for arguments, _ in called(folder, target)) == fetches
