"""The services that replace the embedded defaults in a company, each real and running until the block ends."""

import contextlib
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.conftest import ROOT
from tests.registry.conftest import PASSWORD, USER, mlflow_server, wait
from tests.serving.conftest import Database
from tests.workflows.test_scenarios_engine import image_registry

IMAGES, IMAGES_PASSWORD = "pusher", "images-7Qm2vXw9Lk4tRz8p"
IMAGES_HASH = "$2b$05$lkbTKeIM76OtJPPPwrR8D.SFGuLosguTW21toKsQ0XZWe7M.Vvj5K"  # bcrypt of that password
LOG_PASSWORD = "log-f3Jd8sYw6Nc1bHq5"
KEY = "\n".join(
    ["-----BEGIN" + " KEY-----", "MIIEpAIBAAKCAQEA3kv0x7uYz1bZ9", "q2QmT5s8W4nJrLhEoXcVpAfGdK6yUw", "-----END KEY-----"]
)
KUBECTL = Path(sys.prefix, "bin", "kubectl")
DOUBLE = '#!/bin/sh\nKUBECTL_STATE="{folder}/$1" exec "{python}" "{root}/tests/deploy/kubectl.py" "$@"\n'


@dataclass
class Services:
    """The addresses of all services, the chat's messages, and the Python environment of a runner."""

    images: str
    mlflow: str
    log: str
    chat: str
    environment: Path
    told: list[str] = field(default_factory=list)

    def pods(self, namespace: str) -> str:
        """The image that runs in a namespace of the cluster."""
        state = json.loads((self.environment.parent / f"--namespace={namespace}").read_text())
        return state["deployments"]["api"]["image"]

    @property
    def settings(self) -> dict[str, str]:
        """The variables of the repository."""
        return {
            "MLFLOW_TRACKING_URI": self.mlflow,
            "MLFLOW_TRACKING_USERNAME": USER,
            "IMAGE_REGISTRY": self.images,
            "IMAGE_REGISTRY_USER": IMAGES,
            "DEPLOY_TARGET": "k8s",
            "PRODUCTION": "yes",
            "APP_CLIENT_ID": "Iv23liAbCdEfGhIjKlMn",
        }

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets of the repository."""
        return {
            "MLFLOW_TRACKING_PASSWORD": PASSWORD,
            "PREDICTION_LOG": self.log,
            "IMAGE_REGISTRY_PASSWORD": IMAGES_PASSWORD,
            "ALERT_WEBHOOK": self.chat,
            "APP_PRIVATE_KEY": KEY,
        }


@contextlib.contextmanager
def services(folder: Path):
    """All services; a test is skipped with the install command if a program is missing."""
    told: list[str] = []
    with contextlib.ExitStack() as held:
        yield Services(
            images=held.enter_context(image_registry(folder, f"{IMAGES}:{IMAGES_HASH}\n")),
            log=held.enter_context(_database()),
            mlflow=held.enter_context(_mlflow(folder / "mlflow")),
            chat=held.enter_context(_chat(told)),
            environment=_environment(folder / "cluster"),
            told=told,
        )


@contextlib.contextmanager
def _mlflow(folder: Path):
    folder.mkdir()
    process = mlflow_server(folder, f"sqlite:///{folder}/mlflow.db")
    try:
        wait(lambda: "Uvicorn running on" in (folder / "log").read_text())
        yield (folder / "log").read_text().split("Uvicorn running on ")[1].split()[0]
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def _database():
    with tempfile.TemporaryDirectory() as home:  # pytest's own folders are closed to the server's user
        database = Database(Path(home), LOG_PASSWORD)
        database.start()
        try:
            yield database.url
        finally:
            database.stop()


@contextlib.contextmanager
def _chat(told: list[str]):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/services/T02AB3CD/B04EF5GH/wKz7Qp1XvN8sLm4R"
        server.shutdown()
        thread.join()


def _environment(folder: Path) -> Path:
    """Links to our Python and its programs, and a double of `kubectl` with a file per namespace in `folder`."""
    if not KUBECTL.exists():
        pytest.skip("kubectl is not in this environment: make setup installs it on Linux")
    place = folder / "venv"
    (place / "bin").mkdir(parents=True)
    for program in Path(sys.prefix, "bin").iterdir():
        (place / "bin" / program.name).symlink_to(program)
    (place / "lib").symlink_to(Path(sys.prefix, "lib"))
    shutil.copy(Path(sys.prefix, "pyvenv.cfg"), place)
    (place / "bin" / "kubectl").unlink()
    (place / "bin" / "kubectl").write_text(DOUBLE.format(folder=folder, python=sys.executable, root=ROOT))
    (place / "bin" / "kubectl").chmod(0o755)
    return place
