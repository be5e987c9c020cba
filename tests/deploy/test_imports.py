"""A deployment starts without the libraries of training, whose import takes longer than the rest of its start."""

import os
import subprocess
import sys

from tests.conftest import ROOT

TRAINING = ("pandas", "scipy", "sklearn", "skops", "mlflow", "onnx")
PROGRAM = """
import sys
from ml.deployment.shares import more_often
from ml.stages import deploy, push, rollback, scan, smoke
more_often((3, 10), (1, 100), 0.01)
print(*sys.modules)
"""


def test_a_deployment_imports_no_library_of_training():
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}

    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)

    assert not set(TRAINING) & set(done.stdout.split())
