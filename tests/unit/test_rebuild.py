"""A version is rebuilt with the lock file of its own estimator's library."""

import sys
from hashlib import md5
from types import SimpleNamespace

import pytest

from ml.io.errors import UserError
from ml.model import lineage
from ml.registry import rebuild
from ml.registry.ledger import Version


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A checkout at the recorded commit beside the current one, both with the same two lock files."""
    there, here = tmp_path / "there", tmp_path / "here"
    for folder in (there, here):
        (folder / "src" / "locks").mkdir(parents=True)
        for name in ("pipeline", "lightgbm"):
            (folder / "src" / "locks" / f"{name}.txt").write_text(name)
        (folder / "src" / "tools").mkdir()
        (folder / "src" / "tools" / "make_venv.py").touch()
    monkeypatch.chdir(here)
    return there


def version():
    packages, lock = (md5(name, usedforsecurity=False).hexdigest() for name in (b"pipeline", b"lightgbm"))
    estimator = {"library": "lightgbm", "lock": lock}
    found = {"commit": None, "changed": [], "data": {"md5": None}, "packages": packages, "estimator": estimator}
    return Version(1, {"run": {"lineage": found}})


def test_the_current_environment_is_used_if_it_has_the_library_otherwise_a_new_one_is_made(place, monkeypatch):
    made = []

    def call(*command, **_):
        made.append(command[1:])
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(rebuild, "_call", call)
    recorded = version()
    assert rebuild.interpreter(place, recorded) == sys.executable

    monkeypatch.setattr(rebuild, "find_spec", lambda name: None)
    assert rebuild.interpreter(place, recorded).startswith(str(place))

    assert made == [("src/tools/make_venv.py", "pipeline")]
    assert lineage.machine("lightgbm").libraries["lightgbm"]
    assert lineage.machine("xgboost").libraries["xgboost"]


def test_a_version_from_before_the_move_below_src_is_found_in_its_old_folders(place, monkeypatch):
    (place / "src" / "locks").rename(place / "locks")
    (place / "src" / "tools").rename(place / "tools")
    made = []
    monkeypatch.setattr(
        rebuild, "_call", lambda *command, **_: made.append(command[1:]) or SimpleNamespace(returncode=0)
    )
    monkeypatch.setattr(rebuild, "find_spec", lambda name: None)

    rebuild.interpreter(place, version())

    assert made == [("tools/make_venv.py", "pipeline")]


def test_a_lock_that_differs_from_the_recorded_one_is_named(place):
    recorded = version()
    (place / "src" / "locks" / "lightgbm.txt").write_text("newer")

    with pytest.raises(UserError, match=r"lightgbm\.txt at that commit differs from the recorded file"):
        rebuild.interpreter(place, recorded)
