"""Two homes for the same tests: `.mlflow/`, and a real MLflow server on PostgreSQL with passwords."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ml.data import schema
from ml.model import identity, lineage, model, model_file
from ml.model.model_contract import Contract
from ml.registry import package, registry, tracking
from ml.settings.train import Train
from tests import warm
from tests.conftest import ROOT

USER, PASSWORD = "admin", "correct-horse-battery"
MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


@pytest.fixture(autouse=True, scope="session")
def remembering():
    warm.remember()


class Fitted:
    """A small real model, packed as the pipeline packs it; another `number` gives another model."""

    def __init__(self, params, frame, folder):
        self.params, self.frame, self.place = params, frame, folder
        self.contents = {}

    def content(self, number: int) -> bytes:
        if number not in self.contents:
            settings = {"seed": number, "model": "random_forest", "random_forest": {"n_estimators": 2, "max_depth": 2}}
            fitted = model.fit(self.frame, self.params.data, Train.model_validate(settings))
            self.contents[number] = model_file.dumps(fitted)
        return self.contents[number]

    def built(self, number: int) -> dict[str, bytes]:
        """Model and contract by file."""
        contract = Contract(project="churn", threshold=0.5, data=self.params.data)
        return {"model.skops": self.content(number), "contract.json": contract.model_dump_json().encode()}

    def entry(self, number: int, reason: str = "", **lineage_):
        digest = identity.digest(self.built(number))
        origin = {"model": digest, "commit": "0" * 40, "changed": [], "params": {}, **lineage.machine().model_dump()}
        origin |= {"data": {"file": "data/customers.parquet", "md5": "d" * 32, "rows": 1200}, "packages": "p" * 32}
        run = {
            "digest": digest,
            "name": f"model-{number}",
            "params": {"train.model": "random_forest", "train.seed": number},
            "metrics": {"accuracy": 0.9, "roc_auc": 0.95, "rows": 240.0},
            "tags": {},
            "dataset": {"name": "data/customers.parquet", "digest": "d" * 32},
            "lineage": origin | lineage_,
        }
        verdict = {"model": digest, "passed": not reason, "champion": "better", "verdicts": []}
        return registry.stamped("register", digest, reason, run=run, verdict=verdict)

    def folder(self, number: int) -> Path:
        place = self.place / str(number)
        if not place.exists():
            built = self.place / f"built-{number}"
            built.mkdir()
            for name, content in (self.built(number) | {"compiled.json": b"{}"}).items():
                (built / name).write_bytes(content)
            package.write(place, built, self.frame.head(2), self.params.data, "a card")
        return place


@pytest.fixture(scope="session")
def fitted(params, customers, tmp_path_factory):
    frame = schema.conform(customers, params.data)
    return Fitted(params, frame, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of an MLflow server on PostgreSQL with basic auth; both end with the tests."""
    binaries = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    if binaries is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    user = {"user": "postgres"} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    place = tmp_path_factory.mktemp("server")
    started = []
    try:
        if user:
            shutil.chown(folder, "postgres")
        initdb = [binaries / "initdb", "-D", folder / "data", "-U", "mlflow", "--auth=trust"]
        subprocess.run(initdb, check=True, capture_output=True, cwd="/", **user)
        postgres = [binaries / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses="]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen(postgres, cwd="/", **quiet, **user))
        createdb = [binaries / "createdb", "-h", folder, "-U", "mlflow", "mlflow"]
        wait(lambda: subprocess.run(createdb, check=False, capture_output=True).returncode == 0)
        started.append(mlflow_server(place, f"postgresql+psycopg://mlflow@/mlflow?host={folder}"))
        wait(lambda: "Uvicorn running on" in (place / "log").read_text())
        line = next(line for line in (place / "log").read_text().splitlines() if "Uvicorn running on" in line)
        yield next(word for word in line.split() if word.startswith("http://"))
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)
        shutil.rmtree(folder)


def mlflow_server(place: Path, database: str) -> subprocess.Popen:
    """A server on a free port, which it writes to its log."""
    (place / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{place}/auth.db\nadmin_username = {USER}\n"
        f"admin_password = {PASSWORD}\nauthorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 3600\n"  # else each request hashes the password anew, a tenth of a second
    )
    env = {name: value for name, value in os.environ.items() if name not in MLFLOW} | {
        "MLFLOW_AUTH_CONFIG_PATH": str(place / "auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONPATH": str(ROOT / "src"),
    }
    where = ["--backend-store-uri", database, "--artifacts-destination", str(place / "artifacts")]
    served = [*where, "--host", "127.0.0.1", "--port", "0", "--workers", "1", "--app-name", "basic-auth"]
    command = [sys.executable, "-m", "mlflow", "server", *served]
    with (place / "log").open("w") as log:
        return subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=place)


def wait(ready, seconds: float = 120):
    """Until `ready()`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not get ready"
        time.sleep(0.2)


@pytest.fixture(scope="session")
def blank(tmp_path_factory):
    """An embedded home with only MLflow's empty tables, which take seconds to make, as a template for copies."""
    place = tmp_path_factory.mktemp("blank")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        tracking.open_client(place).search_experiments()
    return place


@pytest.fixture(params=["embedded", "server"])
def home(request, tmp_path, monkeypatch):
    """A folder for one of the two homes, as the current folder, with MLflow configured for it."""
    for name in MLFLOW:
        monkeypatch.delenv(name, raising=False)
    if request.param == "server":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", request.getfixturevalue("server"))
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    else:
        shutil.copytree(request.getfixturevalue("blank"), tmp_path / ".mlflow")
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".mlflow"


@pytest.fixture
def store(home, request):
    """An empty registry; each test has its own project."""
    return registry.open_registry(f"p{abs(hash(request.node.nodeid)) % 10**9}", home)
