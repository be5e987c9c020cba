import hashlib
import importlib.util

import pytest

from tests.conftest import ROOT


@pytest.fixture
def tool():
    """The module src/tools/make_venv.py."""
    spec = importlib.util.spec_from_file_location("make_venv", ROOT / "src" / "tools" / "make_venv.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def venv(tool, monkeypatch, tmp_path):
    """The tool in an empty folder, and the lock files that it installs."""
    module = tool
    monkeypatch.chdir(tmp_path)
    for folder in ("src/locks", ".venv"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("dev", "pipeline", "lightgbm"):
        (tmp_path / "src" / "locks" / f"{name}.txt").write_text(name)
    (tmp_path / "pyproject.toml").write_text("")
    installed = []
    monkeypatch.setattr(module, "with_uv", installed.append)
    monkeypatch.setattr(module, "with_pip", installed.append)
    return module, installed, tmp_path


def test_the_library_of_the_configured_estimator_is_installed_once(venv):
    module, installed, folder = venv
    (folder / "params.yaml").write_text("train:\n  model: lightgbm.LGBMClassifier # fast\n")

    module.main("pipeline")
    module.main("pipeline")

    assert installed == ["src/locks/pipeline.txt", "src/locks/lightgbm.txt"]


def test_other_models_need_no_library_and_the_development_environment_has_all(venv):
    module, installed, folder = venv
    (folder / "params.yaml").write_text("train:\n  model: random_forest\n")
    module.main("pipeline")
    assert installed == ["src/locks/pipeline.txt"]

    (folder / "params.yaml").write_text("train:\n  model: lightgbm.LGBMClassifier\n")
    (folder / ".venv" / "dev.done").write_text(hashlib.md5(b"dev", usedforsecurity=False).hexdigest())
    module.main("pipeline")

    assert installed == ["src/locks/pipeline.txt"]


def test_pip_resolves_no_dependency_of_a_lock_with_hashes(tool, monkeypatch, tmp_path):
    calls = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tool, "run", lambda *command: calls.append(command))

    tool.with_pip("src/locks/dev.txt")

    installs = [command for command in calls if "install" in command]
    assert len(installs) == 2
    assert all("--no-deps" in command for command in installs)
