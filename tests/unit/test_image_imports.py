"""The server starts with only the packages of the image."""

import os
import subprocess
import sys

import pytest

from ml.model import model, model_file, shipped
from ml.model.model_contract import CONTRACT
from ml.model.predictor import MODEL
from tests.conftest import ROOT
from tests.unit.test_own_estimators import settings, table

pytestmark = pytest.mark.slow
BAYES = "sklearn.naive_bayes.GaussianNB"
UNCOMPILED = """
import sys
class Absent:
    def find_spec(self, name, *_):
        if name.split(".")[0] in {absent}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
from serving import loaded_model
print(loaded_model.load(sys.argv[1]).predictor.scores([{{"z": 0.5}}]))
"""
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


def test_a_model_without_a_compiled_form_needs_only_packages_of_its_image(tmp_path):
    params = settings(model=BAYES)
    fitted = model.fit(table(), params.data, params.train)
    files = {MODEL: model_file.dumps(fitted), CONTRACT: shipped.contract_of(params, table())}
    for name, content in (files | shipped.form_of(fitted, files, table(), params)[0]).items():
        (tmp_path / name).write_bytes(content)
    absent = (*({*ABSENT} - {"pandas", "sklearn", "skops", "scipy"}), "pyarrow", "filelock", "requests", "lightgbm")
    done = subprocess.run(
        [sys.executable, "-c", UNCOMPILED.format(absent=absent), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-1500:]
    assert done.stdout.startswith("[0.")
