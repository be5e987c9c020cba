"""Public tables run from adoption to a retrained model without an edited setting."""

import re
import subprocess

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from sklearn import datasets
from sklearn.metrics import roc_auc_score

from ml.io import files, tables
from ml.monitoring import evidently_pages
from ml.settings.params import read_params
from ml.stages import adopt, monitor, retrain
from tests.conftest import ROOT
from tests.fork import inside
from tests.fork.test_clone import clone
from tests.serving.server import application, rows

SENT = 600
WHOLE = "iris"  # the table that meets every gate and gets pictures: they depend on no table and cost much
FASTER = {"n_estimators: 150": "n_estimators: 30", "bootstrap: 1000": "bootstrap: 200", "calls: 200": "calls: 50"}
SAMPLE = re.compile(
    r"(?i)churn|customer|tenure|monthly_charge|usage_hours|support_tickets|late_payments|satisfaction|payment_method|"
    r"enterprise|newcomer|leave within|whom to call"
)
SERVED = ("latency", "parity", "api")  # gates


def iris(frame):
    return frame.assign(target=frame["target"] == 2)


def digits(frame):
    """One eighth of the pixels: the same number of rows, and columns with few different numbers."""
    return frame[[*frame.columns[2:-1:8], "target"]].assign(target=(frame["target"] % 2).map({0: "even", 1: "odd"}))


def diabetes(frame):
    return frame.assign(target=np.where(frame["target"] > frame["target"].median(), "high", "low"))


TABLES = {"breast_cancer": lambda frame: frame, "iris": iris, "digits": digits, "diabetes": diabetes}


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """A clone of this repository as the current folder, where all commands run in this process."""
    folder = clone(ROOT, tmp_path / "fork", "--depth", "1")
    for name in ("MLFLOW_TRACKING_URI", "PREDICTION_LOG", "CI"):
        monkeypatch.delenv(name, raising=False)
    for variable, value in (("NAME", "ann"), ("EMAIL", "ann@example.com")):
        monkeypatch.setenv(f"GIT_AUTHOR_{variable}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{variable}", value)
    monkeypatch.chdir(folder)
    inside.install(monkeypatch, tmp_path)
    return folder


def hasten(folder, *, whole):
    """Set fewer trees and replicates before adoption and, unless `whole`, no gates of serving."""
    text = (folder / files.PARAMS).read_text()
    for old, new in FASTER.items():
        assert old in text
        text = text.replace(old, new)
    for gate in () if whole else SERVED:
        text, found = re.subn(rf"^  {gate}: {{.*}}", f"  {gate}: null", text, flags=re.MULTILINE)
        assert found == 1
    (folder / files.PARAMS).write_text(text)


def commit(folder):
    subprocess.run(["git", "checkout", "-qB", "main"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", "Adopt a table"], cwd=folder, check=True)
    subprocess.run(["git", "update-ref", "refs/remotes/origin/main", "HEAD"], cwd=folder, check=True)  # as a push does


def left_of_the_sample(folder, client=None):
    """Words of the sample in the output of an adopted repository, by file or by address of the API."""
    told = [folder / files.PARAMS, *(folder / "build").glob("*.*"), *(folder / ".mlflow").rglob("card.md")]
    told += [path for path in (folder / "src" / "deploy").rglob("*") if path.suffix in {".json", ".yml", ".yaml"}]
    texts = {str(path): path.read_text() for path in told if path.suffix != ".parquet"}
    for address in ("/", "/docs", "/openapi.json", "/metrics", "/version") if client else ():
        texts[address] = client.get(address).text
    return {place: found[0] for place, text in texts.items() if (found := SAMPLE.search(text))}


def traffic(params):
    """Rows drawn from the table with new ids, and their labels, without a shift."""
    table = pd.concat([tables.read_table(files.TRAIN), tables.read_table(files.TEST)])
    seen = table.sample(SENT, replace=True, random_state=0).reset_index(drop=True)
    seen[params.data.id] = [f"new-{i}" for i in range(SENT)]
    labels = [{"id": i, "label": v} for i, v in zip(seen[params.data.id], seen["target"].tolist(), strict=True)]
    return rows(seen, params.data, SENT), labels


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_a_public_table_completes_the_life_cycle(fork, name, monkeypatch):
    hasten(fork, whole=name == WHOLE)
    commit(fork)  # adopt overwrites no change that is in no commit
    if name != WHOLE:
        monkeypatch.setattr(evidently_pages, "installed", lambda: False)
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
        left = left_of_the_sample(fork, client)

    assert left == {}
    assert answer.status_code == 200, answer.json()
    assert len(answer.json()["predictions"]) == SENT
    assert told.json()["accepted"] == SENT

    monitor.main()

    found = files.read_json(files.MONITOR)
    performance = found["performance"]
    assert found["verdict"] == "stable", found["reason"]
    assert (performance["labelled"], performance["coverage"]) == (SENT, 1.0)
    if len(tables.read_table(files.TEST)) >= params.monitor.min_labels:
        positive = [str(known["label"]) == str(params.data.target.positive) for known in labels]
        scores = [row["score"] for row in answer.json()["predictions"]]
        assert performance["value"] == pytest.approx(roc_auc_score(positive, scores))
    else:  # the value at release is a guess: there is nothing to compare with
        assert performance["outcome"] == "not enough labels"
        assert "the release was tested on" in performance["reason"]

    commit(fork)
    retrain.main(force=True)

    result = files.read_json(files.RETRAIN)
    assert result["rows"]["after"] == len(table) + SENT
    assert result["outcome"] in {"proposed", "refused"}
    assert pd.DataFrame(result["verdicts"])["gate"].str.contains("roc_auc").any()
