"""Tables that nobody here made go from adoption to a retrained model, with no setting edited by hand."""

import subprocess

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from sklearn import datasets

from ml import files
from ml.params import read_params
from ml.stages import adopt, monitor, retrain
from tests.conftest import ROOT
from tests.fork import inside
from tests.fork.test_clone import clone
from tests.serving.server import application, rows

SENT = 600


def wine(frame):
    return frame.assign(target=np.where(frame["target"] == 1, "yes", "no"))


def iris(frame):
    return frame.assign(target=frame["target"] == 2)


def digits(frame):
    return frame.assign(target=(frame["target"] % 2).map({0: "even", 1: "odd"}))


def diabetes(frame):
    return frame.assign(target=np.where(frame["target"] > frame["target"].median(), "high", "low"))


TABLES = {"breast_cancer": lambda frame: frame, "wine": wine, "iris": iris, "digits": digits, "diabetes": diabetes}


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """A clone of this repository as the current folder, where everything runs in this process."""
    folder = clone(ROOT, tmp_path / "fork", "--depth", "1")
    for name in ("MLFLOW_TRACKING_URI", "PREDICTION_LOG", "CI"):
        monkeypatch.delenv(name, raising=False)
    for variable, value in (("NAME", "ann"), ("EMAIL", "ann@example.com")):
        monkeypatch.setenv(f"GIT_AUTHOR_{variable}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{variable}", value)
    monkeypatch.chdir(folder)
    inside.install(monkeypatch, tmp_path)
    return folder


def commit(folder):
    subprocess.run(["git", "checkout", "-qB", "main"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", "Adopt a table"], cwd=folder, check=True)


def traffic(params):
    """Rows like those of the table under new ids, a little moved where they are decimals, and their labels."""
    seen = files.read_table(files.TEST).sample(SENT, replace=True, random_state=0).reset_index(drop=True)
    seen[params.data.id] = [f"new-{i}" for i in range(SENT)]
    labels = [{"id": i, "label": v} for i, v in zip(seen[params.data.id], seen["target"].tolist(), strict=True)]
    return rows(seen, params.data, SENT), labels


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_somebody_else_lives_the_whole_life(fork, name, capsys):
    table = TABLES[name](getattr(datasets, f"load_{name}")(as_frame=True).frame)
    table.to_csv(fork.parent / f"{name}.csv", index=False)

    adopt.main(data=str(fork.parent / f"{name}.csv"), target="target")
    verdict = inside.judged()
    judged = [v for v in files.read_json(files.VERDICT)["verdicts"] if not v["passed"] and v["severity"] == "critical"]

    assert verdict == 0, [v["reason"] for v in judged]
    assert read_params().project == name.replace("_", "-")
    assert "REFUSED" not in (fork / files.REPORT).read_text()

    params = read_params()
    sent, labels = traffic(params)
    with TestClient(application(files.MODEL, fork / "logs")) as client:
        answer = client.post("/predict", json={"rows": sent})
        told = client.post("/feedback", json={"labels": labels})

    assert answer.status_code == 200, answer.json()
    assert len(answer.json()["predictions"]) == SENT
    assert told.json()["accepted"] == SENT

    monitor.main()

    found = files.read_json(files.MONITOR)
    assert found["verdict"] != "not enough data", found["reason"]
    assert found["performance"] is not None

    commit(fork)
    capsys.readouterr()
    retrain.main(force=True)

    result = files.read_json(files.RETRAIN)
    assert result["rows"]["after"] == len(table) + SENT
    assert result["outcome"] in {"proposed", "refused"}
    assert pd.DataFrame(result["verdicts"])["gate"].str.contains("roc_auc").any()
