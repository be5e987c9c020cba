"""The verbs: each stage reads, calls and writes, and is one command (`python -m ml.stages.train`).

This package sets the environment of every stage before numpy loads: outputs are byte-identical on every machine only if
they do not depend on thread counts and CPU kernels, and no tool sends telemetry.
"""

import os
import platform
import signal
import sys
from pathlib import Path

os.environ |= {
    # HistGradientBoosting stores its thread count in the model, and oversubscribed cores make it 10-200 times slower.
    "OMP_NUM_THREADS": "1",
    # Another order of summation changes the last bits of a logistic regression.
    "OPENBLAS_NUM_THREADS": "1",
    "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    # `dvc`, and `python` in dvc.yaml, are those of this interpreter, whether its environment is active or not.
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
}
if platform.machine() in {"x86_64", "AMD64"}:
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"  # newer kernels round differently; every x86 runner has this one
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the imports of a command shows no traceback
