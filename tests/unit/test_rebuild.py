"""A version is built again with the lock of its own estimator's library."""

import sys
from hashlib import md5
from types import SimpleNamespace

import pytest

from ml.io.errors import UserError
from ml.model import lineage
from ml.registry import rebuild


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A checkout at the recorded commit beside the one here, both with the same two lock files."""
    there, here = tmp_path / "there", tmp_path / "here"
    for folder in (there, here):
        (folder / "locks").mkdir(parents=True)
        for name in ("pipeline", "lightgbm"):
            (folder / "locks" / f"{name}.txt").write_text(name)
    monkeypatch.chdir(here)
    return there


def version():
    packages = md5(b"pipeline", usedforsecurity=False).hexdigest()
    return SimpleNamespace(number=1, lineage={"packages": packages, **lineage.estimator("lightgbm")})


def test_this_environment_serves_while_it_has_the_library_and_another_is_made_where_it_lacks(place, monkeypatch):
    made = []

    def call(*command, **_):
        made.append(command[1:])
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(rebuild, "_call", call)
    recorded = version()
    assert rebuild.interpreter(place, recorded) == sys.executable

    monkeypatch.setattr(rebuild, "find_spec", lambda name: None)
    assert rebuild.interpreter(place, recorded).startswith(str(place))

    assert made == [("tools/make_venv.py", "pipeline")]
    assert lineage.machine("lightgbm")["libraries"]["lightgbm"]
    assert lineage.machine("xgboost")["libraries"]["xgboost"]


def test_another_lock_of_the_library_than_the_recorded_one_is_named(place):
    recorded = version()
    (place / "locks" / "lightgbm.txt").write_text("newer")

    with pytest.raises(UserError, match=r"lightgbm\.txt at that commit is not the file that was recorded"):
        rebuild.interpreter(place, recorded)
