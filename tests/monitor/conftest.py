"""A folder with a small released model, and simulated customers that are sent through the real application."""

import shutil

import pytest
from fastapi.testclient import TestClient

from ml.data import schema
from ml.io import files
from ml.model import model, model_file, reference
from ml.tasks import score_rows, two_words
from tests.conftest import SAMPLE
from tests.serving.server import application, built
from tests.world import sending
from tests.world.sample import history


class Customers:
    """Sends months of the sample data to the application in this process, at times of the simulation's calendar."""

    def __init__(self, client):
        self._client = client

    def post(self, path, body, time):
        return self._client.post(path, json=body, headers={"X-Simulated-Time": time.isoformat()})


@pytest.fixture(scope="session")
def release(tmp_path_factory, params):
    """A folder with params.yaml, a built model and its reference, as `make run` writes them."""
    place = tmp_path_factory.mktemp("release")
    shutil.copy(SAMPLE, place)
    train, test = (schema.conform(history(range(1, 13), rows=200, seed=seed), params.data) for seed in (1, 2))
    built(place / files.MODEL, train, params, "random_forest")
    fitted = model_file.loads((place / files.MODEL / "model.skops").read_bytes())
    score = model.scores(fitted, test, params.data)
    rows = score_rows.rank(two_words.labels(test, params.data).to_numpy(), score, params.evaluate.threshold)
    found = reference.build(train, score, score_rows.intervals(rows, params.evaluate), params)
    (place / files.REFERENCE).write_text(reference.dumps(found))
    return place


@pytest.fixture
def place(release, tmp_path, monkeypatch):
    """A copy of the release as the current folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("PREDICTION_LOG", raising=False)
    shutil.copytree(release, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def send(place):
    """Send the customers of a month."""

    def send(month, rows=600, seed=0):
        with TestClient(application(files.MODEL, place / "logs", simulated_time="true")) as client:
            return sending.send(Customers(client), month, rows, seed)

    return send
