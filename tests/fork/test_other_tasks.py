"""Tables with several classes or a number to predict run the whole life cycle without an edited setting."""

import shutil

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from sklearn import datasets
from sklearn.metrics import (
    balanced_accuracy_score,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_absolute_percentage_error,
    r2_score,
    recall_score,
    roc_auc_score,
    top_k_accuracy_score,
)

from ml.data import schema
from ml.io import files, tables
from ml.model import model_file
from ml.monitoring import evidently_pages
from ml.settings.params import read_params
from ml.stages import adopt, monitor, register, retrain, score
from tests.fork import inside
from tests.fork.test_five_tables import commit, fork, hasten, left_of_the_sample, traffic  # noqa: F401
from tests.serving.server import application

CLASSES, NUMBERS = {"iris", "digits"}, {"houses"}


def houses():
    """A table like the California houses: skewed prices, two columns of levels, and missing values."""
    rng, rows = np.random.default_rng(3), 1500
    income, age = rng.lognormal(1.2, 0.4, rows), rng.integers(1, 52, rows)
    near = rng.choice(["inland", "bay", "ocean"], rows, p=[0.6, 0.2, 0.2])
    price = 40_000 * income * np.where(near == "inland", 0.8, 1.3) * rng.lognormal(0, 0.2, rows) + 500 * age
    street = rng.integers(0, 80, rows)
    price *= 1 + street / 100
    rooms = np.where(rng.random(rows) < 0.05, np.nan, rng.normal(5, 1, rows))
    return pd.DataFrame(
        {
            "income": income,
            "age": age,
            "near": near,
            "rooms": rooms,
            "street": [f"{n} St" for n in street],
            "target": price.round(2),
        }
    )


def table(name):
    if name == "houses":
        return houses()
    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = loaded.frame
    if name == "digits":
        frame = frame[[*frame.columns[2:-1:8], "target"]]
    return frame.assign(target=[loaded.target_names[i] for i in frame["target"]]) if name == "iris" else frame


@pytest.mark.slow
@pytest.mark.parametrize("name", [*sorted(CLASSES), *sorted(NUMBERS)])
def test_a_table_of_another_task_completes_the_life_cycle(fork, name, monkeypatch):  # noqa: F811, PLR0915
    hasten(fork, whole=name in {"iris", "houses"})
    commit(fork)  # adopt overwrites no change that is in no commit
    monkeypatch.setattr(evidently_pages, "installed", lambda: False)
    table(name).to_csv(fork.parent / f"{name}.csv", index=False)

    adopt.main(data=str(fork.parent / f"{name}.csv"), target="target")
    verdict = inside.judged()
    refused = [v for v in files.read_json(files.VERDICT)["verdicts"] if not v["passed"] and v["severity"] == "critical"]

    assert verdict == 0, [v["reason"] for v in refused]
    params = read_params()
    assert params.data.target.task == ("regression" if name in NUMBERS else "multiclass")
    _metrics_are_scikit_learns(params)

    sent, labels = traffic(params)
    labels = [{**one, "label": float(one["label"])} for one in labels] if name in NUMBERS else labels
    with TestClient(application(files.MODEL, fork / "logs")) as client:
        answer = client.post("/predict", json={"rows": sent})
        told = client.post("/feedback", json={"labels": labels})
        wrong = client.post("/feedback", json={"labels": [{"id": "new-1", "label": "no such thing"}]})
        mlflow = client.post("/invocations", json={"dataframe_records": [_without_id(sent[0], params)]})

    assert answer.status_code == 200, answer.json()
    assert told.status_code == 200, told.json()
    assert wrong.status_code == 422
    first = answer.json()["predictions"][0]
    if name in NUMBERS:
        assert first["low"] < first["value"] < first["high"]
        inside_it = [
            p["low"] <= one["label"] <= p["high"] for p, one in zip(answer.json()["predictions"], labels, strict=True)
        ]
        assert np.mean(inside_it) > 0.85
        assert mlflow.json()["predictions"][0] == pytest.approx(first["value"])
    else:
        assert sum(first["scores"].values()) == pytest.approx(1)
        assert first["label"] == max(first["scores"], key=first["scores"].get)
        assert mlflow.json()["predictions"][0] == pytest.approx([*first["scores"].values()])

    monitor.main()

    found = files.read_json(files.MONITOR)
    assert found["verdict"] == "stable", found["reason"]
    assert found["performance"]["labelled"] == len(sent)

    quiet = (fork / "logs").rename(fork.parent / "quiet")
    with TestClient(application(files.MODEL, fork / "logs")) as client:
        client.post("/predict", json={"rows": _alike(sent, params)})
    monitor.main()
    shutil.rmtree(fork / "logs")
    quiet.rename(fork / "logs")

    assert files.read_json(files.MONITOR)["verdict"] == "drift"

    pd.DataFrame(sent).to_parquet(fork.parent / "new.parquet")
    score.main(data=str(fork.parent / "new.parquet"), out=str(fork.parent / "scores"), model=str(files.MODEL))
    batch = pd.read_parquet(fork.parent / "scores")
    name_of = "value" if name in NUMBERS else "label"
    assert batch[name_of].tolist() == [p[name_of] for p in answer.json()["predictions"]]

    commit(fork)
    assert register.main() in {0, None}
    assert left_of_the_sample(fork) == {}
    retrain.main(force=True)

    assert files.read_json(files.RETRAIN)["outcome"] in {"proposed", "refused"}


def _alike(sent, params):
    """Copies of the rows with new ids, each equal to the first row: every column has shifted."""
    return [{**sent[0], params.data.id: f"moved-{n}"} for n in range(len(sent))]


def _without_id(row, params):
    return {name: value for name, value in row.items() if name != params.data.id}


def _metrics_are_scikit_learns(params):
    """Compare the metrics with those of plain scikit-learn on the same split."""
    test, ours = tables.read_table(files.TEST), files.read_json(files.METRICS)
    fitted = model_file.loads(files.read_bytes(files.MODEL / "model.skops"))
    features = schema.inputs(test, params.data)
    if params.data.target.task == "regression":
        truth, value = test["target"].astype(float), fitted.predict(features)
        assert ours["mae"] == pytest.approx(mean_absolute_error(truth, value), abs=1e-4)
        assert ours["r2"] == pytest.approx(r2_score(truth, value), abs=1e-5)
        assert ours["mape"] == pytest.approx(mean_absolute_percentage_error(truth, value), abs=1e-5)
        return
    places = {name: place for place, name in enumerate(params.data.target.classes)}
    truth, scores = test["target"].map(places), fitted.predict_proba(features)
    said = scores.argmax(axis=1)
    assert ours["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, said), abs=1e-5)
    assert ours["lowest_recall"] == pytest.approx(recall_score(truth, said, average=None).min(), abs=1e-5)
    assert ours["top_2_accuracy"] == pytest.approx(top_k_accuracy_score(truth, scores, k=2), abs=1e-5)
    assert ours["macro_f1"] == pytest.approx(f1_score(truth, said, average="macro"), abs=1e-5)
    assert ours["log_loss"] == pytest.approx(log_loss(truth, scores), abs=1e-4)
    assert ours["roc_auc"] == pytest.approx(roc_auc_score(truth, scores, multi_class="ovr"), abs=1e-5)
