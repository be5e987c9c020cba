"""The verbs: each stage reads, calls and writes, and is one command (`python -m ml.stages.train`).

This package sets the environment of every stage before numpy loads: the same bytes come out on every
machine only when thread counts and CPU kernels do not depend on it, and no tool reports home.
"""

import os
import platform
import signal
import sys
from pathlib import Path

os.environ |= {
    # HistGradientBoosting stores its thread count in the model, and oversubscribed cores make it 10-200 times slower.
    "OMP_NUM_THREADS": "1",
    # Sums in another order change the last bits of a logistic regression.
    "OPENBLAS_NUM_THREADS": "1",
    "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    # `dvc`, and the `python` that dvc.yaml names, are this interpreter's own, whether its environment is active or not.
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
}
if platform.machine() in {"x86_64", "AMD64"}:
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"  # newer kernels round differently; every x86 runner has this one
if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while a command still imports shows no traceback
