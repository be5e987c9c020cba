"""Send months of the sample data to the API: predictions, and weeks later their labels.

The customers of a month are predicted in its first 20 days, and nine of ten labels arrive a week later.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import requests

from ml.io import files
from ml.io.errors import UserError
from ml.prediction_log import segments
from ml.registry import registry
from ml.registry.ledger import CHAMPION
from ml.settings.params import Params
from tests.world import sample as world

BATCH = 50
DAYS = 20  # of a month, in which its customers are predicted
LAG = pd.Timedelta(days=7)
SAYS = "Uvicorn running on "


@dataclass
class Sent:
    """The result of one month."""

    predicted: int = 0
    labelled: int = 0
    models: set[str] = field(default_factory=set)
    refused: Counter = field(default_factory=Counter)


class Client:
    """A connection to the API with a simulated time."""

    def __init__(self, url: str) -> None:
        self._url, self._session = url.rstrip("/"), requests.Session()

    def post(self, path: str, body: Any, time: pd.Timestamp) -> requests.Response:
        """The response; raises UserError if there is none, or if the server accepts no simulated customers."""
        headers = {"X-Simulated-Time": time.isoformat(), "Content-Type": "application/json"}
        try:
            answer = self._session.post(self._url + path, data=json.dumps(body), headers=headers, timeout=30)
        except requests.RequestException as error:
            raise UserError(f"{self._url} does not answer ({type(error).__name__}). Is the server up?") from None
        if answer.status_code not in {200, 422}:
            raise UserError(f"{self._url}{path} answers {answer.status_code}: {answer.json().get('detail')}")
        return answer


def send(client: Client, month: int, rows: int, seed: int, target: str = "churned") -> Sent:
    """Predict the customers of a month, then send the labels of nine in ten."""
    frame, first = _customers(month, rows, seed, target), pd.Timestamp(world.FIRST_YEAR, 1, 1, tz="UTC")
    start, sent = first + pd.DateOffset(months=month - 1), Sent()
    known = np.random.default_rng([seed, month, 1]).random(rows) < 0.9
    for place in range(0, rows, BATCH):
        time = start + pd.Timedelta(days=DAYS * place / rows)
        batch = _rows(frame.iloc[place : place + BATCH].drop(columns=target))
        taken = _predict(client, batch, time, sent)
        part = frame.iloc[place : place + BATCH][known[place : place + BATCH]]
        known_labels = zip(part["customer_id"], part[target].tolist(), strict=True)
        labels = [{"id": i, "label": label} for i, label in known_labels if i in taken]
        if labels:
            sent.labelled += client.post("/feedback", {"labels": labels}, time + LAG).json()["accepted"]
    return sent


@contextmanager
def server(params: Params) -> Iterator[str]:
    """The address of a started server with the champion, or with the last build if there is no champion."""
    with tempfile.TemporaryDirectory(prefix="traffic-") as folder:
        model = files.MODEL
        store = registry.open_registry(params.project)
        if champion := store.state().named(CHAMPION):
            model = Path(folder) / "model"
            store.fetch(champion, model)
        logs, _ = segments.places(params.log.directory, os.environ)
        settings = {"MODEL": model, "LOG_DIRECTORY": logs, "PORT": 0, "SIMULATED_TIME": "true", "ACCESS_LOG": "none"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SERVING_")}
        environment |= {f"SERVING_{name}": str(value) for name, value in settings.items()}
        command = [sys.executable, "-m", "serving"]
        with (Path(folder) / "said").open("w+") as said:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=said)
            try:
                yield _address(process, Path(said.name))
            finally:
                process.terminate()
                process.wait(60)


def _customers(month: int, rows: int, seed: int, target: str) -> pd.DataFrame:
    frame = world.customers(month, rows, seed, target)
    return frame.assign(customer_id=frame["customer_id"] + f"-{seed}") if seed else frame


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    records = frame.drop(columns="snapshot").to_dict("records")
    return [
        {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in record.items()}
        for record in records
    ]


def _predict(client: Client, rows: list[dict[str, Any]], time: pd.Timestamp, sent: Sent) -> set[str]:
    """The predicted ids; if a row breaks the contract, each row is sent separately."""
    answer = client.post("/predict", {"rows": rows}, time)
    if answer.status_code == 422 and len(rows) > 1:
        return {i for row in rows for i in _predict(client, [row], time, sent)}
    if answer.status_code == 422:
        problem = answer.json()["detail"][0]
        sent.refused[f"{problem['column']} {problem['value']}, allowed {problem['allowed']}"] += 1
        return set()
    predictions = answer.json()["predictions"]
    sent.predicted += len(predictions)
    sent.models |= {p["model"] for p in predictions}
    return {p["id"] for p in predictions}


def _address(process: subprocess.Popen, said: Path) -> str:
    while process.poll() is None:
        if SAYS in (text := said.read_text()):
            return text.split(SAYS)[1].split()[0]
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    lines = said.read_text().strip().splitlines()
    raise UserError(f"the server ended before it answered: {lines[-1] if lines else 'it says nothing'}")
