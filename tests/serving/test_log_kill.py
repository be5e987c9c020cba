"""Acknowledged predictions survive `kill -9` of the workers, the compactor and the shipper."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from ml.prediction_log import log_parts
from ml.prediction_log.predictions import read_log
from tests.conftest import SAMPLE

pytestmark = pytest.mark.slow
HERE = SAMPLE.parent  # where params.yaml is read


def load(directory, stage, kills, place):
    """The acknowledged rows of workers of which `kills` were killed, while a compactor or shipper runs."""
    config = json.dumps({"directory": str(directory), "stage": stage, "kills": kills, "carrier_kills": 20})
    command = [sys.executable, Path(__file__).with_name("log_load.py"), config]
    environment = {**os.environ, "PREDICTION_LOG": place}
    done = subprocess.run(command, env=environment, cwd=HERE, capture_output=True, text=True, timeout=120, check=True)
    result = json.loads(done.stdout)
    result["rows"] = {
        f"{request}-{n}" for request, rows in map(str.split, result["acknowledged"]) for n in range(int(rows))
    }
    assert result["kills"] == kills
    assert result["carrier_kills"] >= 20
    assert len(result["rows"]) > 50 * kills, "too little load to prove anything"
    return result


@pytest.fixture
def local(tmp_path, monkeypatch):
    """A repository root whose params.yaml keeps the log in tmp_path, for targets that need a directory beside them."""
    text = SAMPLE.read_text()
    (tmp_path / "params.yaml").write_text(text.replace("directory: logs", f"directory: {tmp_path / 'logs'}"))
    monkeypatch.setattr(sys.modules[__name__], "HERE", tmp_path)
    return tmp_path / "logs"


def test_no_acknowledged_row_is_lost_or_doubled_over_fifty_kills_of_workers_and_their_compactor(tmp_path, stage):
    acknowledged = load(tmp_path / "logs", "compact", 50, str(tmp_path / "logs"))

    finished = stage("compact", PREDICTION_LOG=str(tmp_path / "logs"))

    assert finished.returncode == 0, finished.stderr
    parquet = log_parts.compacted(tmp_path / "logs", log_parts.PREDICTIONS)
    ids = Counter(pd.concat(pd.read_parquet(path, columns=["id"], partitioning=None) for path in parquet)["id"])
    assert acknowledged["rows"] - ids.keys() == set()
    assert max(ids.values()) == 1
    assert set(read_log(tmp_path / "logs")["id"]) == ids.keys()


def test_no_acknowledged_row_is_lost_or_doubled_in_postgresql_while_the_shipper_is_killed(local, postgres):
    psycopg = pytest.importorskip("psycopg")
    acknowledged = load(local, "ship", 40, postgres.url)
    ship = [sys.executable, "-m", "ml.stages.ship", "--once"]
    subprocess.run(ship, env={**os.environ, "PREDICTION_LOG": postgres.url}, cwd=local.parent, check=True)

    with psycopg.connect(postgres.url) as connection:
        ids = Counter(
            value
            for (value,) in connection.execute(
                "select row->>'id' from prediction_log, json_array_elements(record->'rows') as row"
            )
        )

    assert acknowledged["rows"] - ids.keys() == set()
    assert max(ids.values()) == 1


def test_no_acknowledged_row_is_lost_or_doubled_in_a_folder_elsewhere_while_the_shipper_is_killed(local):
    place = f"file://{local.parent}/elsewhere"
    acknowledged = load(local, "ship", 40, place)
    ship = [sys.executable, "-m", "ml.stages.ship", "--once"]
    subprocess.run(ship, env={**os.environ, "PREDICTION_LOG": place}, cwd=local.parent, check=True)

    ids = Counter(read_log(place)["id"])

    assert acknowledged["rows"] - ids.keys() == set()
    assert max(ids.values()) == 1
