"""The server starts with only the packages of the image."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow
ABSENT = ("yaml", "pandas", "sklearn", "skops", "scipy", "mlflow", "dvc", "onnx", "shap", "matplotlib", "optuna")


def test_the_server_imports_only_packages_of_the_image():
    program = f"import sys; sys.modules.update(dict.fromkeys({ABSENT!r})); import serving.__main__"

    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-1500:]


def test_a_table_is_scored_without_scikit_learn():
    program = "import sys; sys.modules['sklearn'] = None; import ml.stages.score, ml.scoring.outcome"

    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-1500:]
