"""Lock files of real repositories, and the gate's verdicts on them."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from ml.gates import Locks, freshness
from ml.io import locks
from tests.gates.world import good, params

FINE = Locks(dvc={}, uncommitted=[], pins={"numpy": "2.0"}, installed={"numpy": "2.0"}, unmet=[])
PROJECT = """
[project]
name = "small"
dependencies = ["numpy>=2"]
[project.optional-dependencies]
pipeline = ["pandas>=3,<4", "winonly>=1; sys_platform == 'never'", "small[other]"]
"""


def judged(refuse="always", **state):
    evidence = replace(good(), locks=replace(FINE, **state), params=params({"freshness": {"refuse": refuse}}))
    return {v.gate.removeprefix("locks: "): v for v in freshness.judge(evidence)}


def test_pins_are_read_for_this_system_and_by_their_normal_name():
    lock = """
numpy==2.4.6 \\
    --hash=sha256:00
    # via pandas
Ruamel.YAML==0.18 ; python_version >= '3'
winonly==1.0 ; sys_platform == 'never'
"""

    assert locks.pins(lock) == {"numpy": "2.4.6", "ruamel-yaml": "0.18"}


@pytest.mark.parametrize(
    ("lock", "missing"),
    [
        ("numpy==2.1\npandas==3.0.6\n", []),
        ("numpy==1.26\npandas==3.0.6\n", ["numpy>=2 (src/locks/pipeline.txt: 1.26)"]),
        ("numpy==2.1\n", ["pandas>=3,<4 (src/locks/pipeline.txt: absent)"]),
    ],
)
def test_a_requirement_missing_from_the_lock_is_named(lock, missing):
    assert locks.unmet(PROJECT, {"pipeline": lock, "unrelated": ""}) == missing


def test_the_locks_of_this_repository_contain_the_requirements_of_pyproject():
    texts = {path.stem: path.read_text() for path in Path("src/locks").glob("*.txt")}

    assert len(texts) >= 4
    assert locks.unmet(Path("pyproject.toml").read_text(), texts) == []


@pytest.mark.slow
def test_outside_a_repository_the_verdict_is_unknown_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")

    found = locks.read()

    assert (found.dvc, found.uncommitted, found.pins, found.ci) == (None, None, {}, True)
    assert all(not v.passed for v in freshness.judge(replace(good(), locks=found)))


@pytest.mark.parametrize(
    ("status", "named"),
    [
        (
            {"train": [{"changed deps": {"src/ml/model/model.py": "modified"}}]},
            "train: deps src/ml/model/model.py modified",
        ),
        ({"train": [{"changed deps": {"params.yaml": {"train.seed": "modified"}}}]}, "(train.seed modified)"),
        ({"train": ["changed command"]}, "train: changed command"),
        ({"data.dvc": [{"changed outs": {"data": "modified"}}]}, "data.dvc: outs data modified"),
    ],
)
def test_changes_found_by_dvc_are_named(status, named):
    verdict = judged(dvc=status)["pipeline"]

    assert not verdict.passed
    assert named in verdict.reason


@pytest.mark.parametrize(
    "status", [{}, {"track": ["always changed"]}, {"train": [{"changed outs": {"build/model": "not in cache"}}]}]
)
def test_states_without_a_change_of_content_are_ignored(status):
    assert judged(dvc=status)["pipeline"].passed


def test_a_package_that_differs_from_its_pin_is_named_with_both_versions():
    verdict = judged(installed={"numpy": "2.1"})["packages"]

    assert not verdict.passed
    assert "numpy 2.1 (lock: 2.0)" in verdict.reason


@pytest.mark.parametrize(
    ("refuse", "ci", "severity"),
    [
        ("always", False, "critical"),
        ("ci", True, "critical"),
        ("ci", False, "warning"),
        ("never", True, "warning"),
    ],
)
def test_a_setting_says_where_stale_locks_refuse(refuse, ci, severity):
    assert judged(refuse, dvc=None, ci=ci)["pipeline"].severity == severity


@pytest.mark.slow
def test_installed_packages_are_found():
    assert locks.read().installed["numpy"] == version("numpy")
