"""A table whose free text tells the target runs from adoption to a retrained model."""

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from ml.io import files
from ml.monitoring import evidently_pages
from ml.settings.params import read_params
from ml.stages import adopt, monitor, register, retrain, score
from tests.fork import inside
from tests.fork.test_five_tables import SENT, commit, fork, hasten, traffic  # noqa: F401
from tests.serving.server import application

WORDS = [f"word{n}" for n in range(300)]


def tickets(rows=1500):
    """Texts of 4 to 20 words, a tenth missing; one of two words tells most of the target."""
    rng = np.random.default_rng(0)
    angry = rng.random(rows) < 0.4
    told = np.where(rng.random(rows) < 0.1, ~angry, angry)
    text = [" ".join([*rng.choice(WORDS, rng.integers(3, 20)), "Refund!" if one else "thanks."]) for one in told]
    text = np.where(rng.random(rows) < 0.1, None, np.array(text, dtype=object))
    return pd.DataFrame({"ticket": np.arange(rows), "age": rng.normal(40, 9, rows).round(1), "text": text}).assign(
        target=np.where(angry, "left", "stayed")
    )


@pytest.mark.slow
def test_a_table_with_a_free_text_lives_the_whole_life(fork, monkeypatch, capsys):  # noqa: F811
    hasten(fork, whole=True)
    commit(fork)
    monkeypatch.setattr(evidently_pages, "installed", lambda: False)
    tickets().to_csv(fork.parent / "tickets.csv", index=False)

    adopt.main(data=str(fork.parent / "tickets.csv"), target="target", dry=True)
    assert "use its words as features with TEXT=text" in capsys.readouterr().err
    adopt.main(data=str(fork.parent / "tickets.csv"), target="target", text="text")
    verdict = inside.judged()
    verdicts = files.read_json(files.VERDICT)["verdicts"]

    assert verdict == 0, [v["reason"] for v in verdicts if not v["passed"] and v["severity"] == "critical"]
    assert files.read_json(files.METRICS)["roc_auc"] > 0.75
    assert not [v for v in verdicts if v["gate"] == "compiled form" and not v["passed"]]
    assert any(v["gate"] == "slices: text" for v in verdicts)
    assert "word7 " not in files.PARAMS.read_text()

    params = read_params()
    sent, labels = traffic(params)
    with TestClient(application(files.MODEL, fork / "logs")) as client:
        answer = client.post("/predict", json={"rows": sent})
        told = client.post("/feedback", json={"labels": labels})
        long = client.post("/predict", json={"rows": [sent[0] | {"text": "x" * 5001}]})

    assert (answer.status_code, told.status_code, long.status_code) == (200, 200, 422)
    assert "text of at most 5,000 characters" in long.text
    monitor.main()
    assert files.read_json(files.MONITOR)["verdict"] == "stable", files.read_json(files.MONITOR)["reason"]

    pd.DataFrame(sent).to_parquet(fork.parent / "new.parquet")
    score.main(
        data=str(fork.parent / "new.parquet"), out=str(fork.parent / "out"), model=str(files.MODEL), explain=True
    )
    batch = pd.read_parquet(fork.parent / "out")
    assert batch["score"].tolist() == [one["score"] for one in answer.json()["predictions"]]
    assert batch["contribution_text"].std() > batch["contribution_age"].std()

    commit(fork)
    assert register.main() in {0, None}
    retrain.main(force=True)
    result = files.read_json(files.RETRAIN)
    assert result["outcome"] in {"proposed", "refused"}
    assert result["rows"]["after"] == len(tickets()) + SENT

    with TestClient(application(files.MODEL, fork / "logs")) as client:
        short = [one | {"ticket": f"short-{n}", "text": "thanks."} for n, one in enumerate(sent)]
        client.post("/predict", json={"rows": short})
    monitor.main()
    found = files.read_json(files.MONITOR)
    assert found["verdict"] == "drift"
    assert "text: " in found["reason"]
