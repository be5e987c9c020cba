"""Odd tables and settings run the whole life cycle or stop with a message that says what to change."""

import re

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from ml.io import files, tables
from ml.io.errors import UserError
from ml.monitoring import evidently_pages
from ml.settings.params import read_params
from ml.stages import adopt, monitor, register, retrain
from tests.fork import inside
from tests.fork.test_five_tables import commit, fork, hasten  # noqa: F401  (a fixture)
from tests.serving.server import application, rows

SEEDS = (0, 3, 7, 13, 22, 25)  # of 36 that were tried: an example of each way that a life went
LIVE = (0, 13, 22)
NAMES = ("label", "score", "id", "missing", "time", "Ü ber", "=1+1", "a.b", "x" * 80)
NAMES += ("null", "row", "1", "$a_$b", "<b>")
MODELS = ("random_forest", "logistic_regression", "hist_gradient_boosting")
REMEDY = re.compile(
    r"params\.yaml|data\.|gates\.|prepare\.|make |TARGET=|ID=|POSITIVE=|[A-Z][a-z]+ (it|the|one|a|them|that)\b"
)
COLUMNS = {  # values of a kind of column, from normal ones
    "normal": lambda normal, _: normal,
    "whole": lambda normal, rng: rng.integers(-3, 3, len(normal)),
    "constant": lambda normal, _: np.full(len(normal), 7),
    "empty": lambda normal, _: np.full(len(normal), np.nan),
    "gaps": lambda normal, rng: np.where(rng.random(len(normal)) < 0.7, np.nan, normal),
    "infinite": lambda normal, rng: np.where(rng.random(len(normal)) < 0.05, np.inf, normal),
    "huge": lambda normal, _: normal * 1e300,
    "levels": lambda normal, rng: rng.choice(["a", "NA", "ß", " b"], len(normal)),
    "many levels": lambda normal, rng: [f"{v}k" for v in rng.integers(0, max(2, len(normal) // 2), len(normal))],
    "flags": lambda normal, rng: rng.random(len(normal)) < 0.5,
    "dates": lambda normal, rng: pd.Timestamp("2024-01-31") + pd.to_timedelta(rng.integers(0, 900, len(normal)), "D"),
    "comma": lambda normal, _: [f"{value:.2f}".replace(".", ",") for value in normal],
}
TARGETS = {  # values of a kind of target, from true and false
    "zero one": lambda yes, _: yes.astype(int),
    "words": lambda yes, _: np.where(yes, "Yes", "No"),
    "flags": lambda yes, _: yes,
    "gaps": lambda yes, rng: np.where(rng.random(len(yes)) < 0.1, np.nan, yes.astype(float)),
    "rare": lambda yes, rng: (yes & (rng.random(len(yes)) < 0.03)).astype(int),
    "one class": lambda yes, _: np.ones(len(yes), int),
    "three classes": lambda yes, rng: rng.choice(["a", "b", "c"], len(yes)),
    "a number": lambda yes, rng: rng.normal(size=len(yes)),
    "spaced": lambda yes, _: np.where(yes, " y", "n "),
}


def drawn(seed):
    """A table, and what `adopt` and params.yaml are told of it."""
    rng = np.random.default_rng(seed)
    size = int(rng.choice([1, 12, 120, 400, 400, 400]))
    names = rng.choice(NAMES, rng.integers(1, 6), replace=False)
    frame = pd.DataFrame({str(name): COLUMNS[rng.choice([*COLUMNS])](rng.normal(size=size), rng) for name in names})
    frame["outcome"] = TARGETS[rng.choice([*TARGETS], p=[0.2, 0.2, 0.1, *[0.5 / 6] * 6])](rng.random(size) < 0.4, rng)
    if rng.random() < 0.5:
        frame.insert(0, "customer_id", rng.permutation(size) + (0 if rng.random() < 0.8 else rng.integers(0, 2, size)))
    told = {}
    if rng.random() < 0.4:
        when = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 200, size), unit="D")
        frame["seen_at"], told["time"] = when, "seen_at"
    settings = {"train.model": str(rng.choice(MODELS))}
    if "time" in told and rng.random() < 0.5:
        settings["prepare.split_by"] = "time"
    return frame, told, settings, str(rng.choice(["csv", "parquet"]))


def life(folder, seed):
    """Yields the name of each step when it is done."""
    table, told, settings, kind = drawn(seed)
    path = folder.parent / f"odd-{seed}.{kind}"
    (table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path))
    adopt.main(data=str(path), target="outcome", project="odd", **told)
    yield "adopt"
    inside.edit_params(settings)
    commit(folder)
    inside.judged()
    yield "run"
    register.main(force="an odd table")
    yield "register"
    params = read_params()
    known = pd.concat([tables.read_table(files.TRAIN), tables.read_table(files.TEST)]).reset_index(drop=True)
    known[params.data.id] = [f"new-{number}" for number in range(len(known))]
    with TestClient(application(files.MODEL, folder / "logs")) as client:
        answer = client.post("/predict", json={"rows": rows(known, params.data, 100)})
        assert answer.status_code == 200, answer.text[:500]
        labels = [{"id": i, "label": v} for i, v in zip(known[params.data.id], known["outcome"].tolist(), strict=True)]
        told = client.post("/feedback", json={"labels": labels[:100]})
        assert told.status_code == 200, told.text[:500]
    yield "serve"
    monitor.main()
    yield "monitor"
    commit(folder)
    retrain.main(force=True, rows=str(path))
    retrain.main(force=True)
    yield "retrain"


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_an_odd_table_lives_or_says_why_not(fork, seed, monkeypatch):  # noqa: F811
    hasten(fork, whole=False)
    commit(fork)  # adopt overwrites no change that is in no commit
    monkeypatch.setattr(evidently_pages, "installed", lambda: False)
    last, said = "", ""
    try:
        for step in life(fork, seed):
            last = step
    except UserError as error:
        said = str(error)
    assert not said or REMEDY.search(said), said
    assert seed not in LIVE or last == "retrain", said
