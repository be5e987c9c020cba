import hashlib
import importlib.util

import pytest

from tests.conftest import ROOT


@pytest.fixture
def venv(monkeypatch, tmp_path):
    """src/tools/make_venv.py in an empty folder, and the locks that it installs."""
    spec = importlib.util.spec_from_file_location("make_venv", ROOT / "src" / "tools" / "make_venv.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
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


def test_the_library_of_the_estimator_that_params_names_is_installed_once(venv):
    module, installed, folder = venv
    (folder / "params.yaml").write_text("train:\n  model: lightgbm.LGBMClassifier # fast\n")

    module.main("pipeline")
    module.main("pipeline")

    assert installed == ["src/locks/pipeline.txt", "src/locks/lightgbm.txt"]


def test_another_model_needs_no_library_and_the_environment_for_developing_has_all(venv):
    module, installed, folder = venv
    (folder / "params.yaml").write_text("train:\n  model: random_forest\n")
    module.main("pipeline")
    assert installed == ["src/locks/pipeline.txt"]

    (folder / "params.yaml").write_text("train:\n  model: lightgbm.LGBMClassifier\n")
    (folder / ".venv" / "dev.done").write_text(hashlib.md5(b"dev", usedforsecurity=False).hexdigest())
    module.main("pipeline")

    assert installed == ["src/locks/pipeline.txt"]
