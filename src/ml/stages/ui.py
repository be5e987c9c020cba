"""Browse runs and versions in MLflow."""

import os
import sys

from ml.io import cli
from ml.registry import tracking
from ml.registry.embedded_home import Embedded
from ml.settings.params import read_params


def main(port: int = 5000) -> None:
    """Open MLflow for the embedded registry at 127.0.0.1 until Ctrl-C; for a server, print its address."""
    if address := tracking.server():
        cli.say(f"ui: the registry is a server: open {tracking.shown(address)} in a browser")
        return
    project = read_params().project
    Embedded(project).show()
    uri = tracking.embedded_uri()
    experiment = tracking.experiment(tracking.open_client(), project)
    runs = f"http://127.0.0.1:{port}/#/experiments/{experiment}/runs?workflowType=machine_learning"
    cli.say(f"ui: MLflow starts in about 15 s; then open {runs} (Ctrl-C ends it)")
    # Without its job runner MLflow is two processes instead of ten; its log messages concern server operators.
    os.environ |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
    place = ["--backend-store-uri", uri, "--registry-store-uri", uri, "--default-artifact-root", "store:/runs"]
    served = ["ui", *place, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", *served, "--uvicorn-opts", "--log-level warning"])  # noqa: S606


if __name__ == "__main__":
    cli.run(main)
