"""Monitoring compares columns made by src/features.py like those of the table."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from ml.data.schema import ContractError
from ml.engine.source import Chunk
from ml.io import files
from ml.io.errors import UserError
from ml.model import feature_code, made_columns, model, model_file, reference, shipped
from ml.model.compiled import compiled
from ml.monitoring import drift
from ml.monitoring.released import Released
from ml.monitoring.with_made import added
from ml.prediction_log.records import in_table
from ml.retraining import fresh
from ml.scoring.rows import check
from ml.settings import feature_source
from ml.settings.data import Data
from ml.settings.params import check as checked
from ml.settings.train import Train
from ml.settings.yaml_reading import parse
from tests.conftest import SAMPLE
from tests.serving.server import application

NUMBER = {"type": "number"}
DATA = Data.model_validate(
    {
        "file": "t.csv",
        "id": "id",
        "time": "day",
        "target": {"name": "bad", "positive": 1},
        "columns": {"cost": NUMBER, "use": NUMBER, "kind": {"type": "category", "values": ["a", "b"], "missing": 0.5}},
    }
)
TEXT = """import numpy as np
from ml.model.columns import makes


@makes("gap", level=["low", "high"])
def gap(columns):
    gap = columns["cost"] - columns["use"]
    return {"gap": gap, "level": np.where(gap > 0, "high", "low")}


@makes("twice")
def twice(columns):
    return 2 * columns["gap"]
"""


def rows(count, seed, *, tied):
    """Rows whose cost depends on their use, or not; the distribution of each column is the same in both cases."""
    rng = np.random.default_rng(seed)
    use = rng.normal(size=count)
    cost = use + rng.normal(size=count) / 10 if tied else rng.permutation(use)
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, count), unit="D")
    return pd.DataFrame({"cost": cost, "use": use, "kind": rng.choice(["a", "b"], count), "day": day})


@pytest.fixture
def release(params, monkeypatch, tmp_path):
    """A release whose src/features.py makes three columns."""
    monkeypatch.chdir(tmp_path)
    feature_source.FEATURES.parent.mkdir()
    feature_source.FEATURES.write_text(TEXT)
    train, score = rows(8000, 0, tied=True), np.linspace(0, 1, 8000)
    params = params.model_copy(update={"data": DATA})
    found = reference.build(train, score, {}, params, train["day"])
    return Released("version 1", made_columns.profiled(found, train, DATA, TEXT))


def log(frame):
    """Rows in the form of the prediction log: text if no type is enforced."""
    table = frame[["cost", "use", "kind"]].rename(columns=in_table).astype(object)
    return table.assign(score=np.linspace(0, 1, len(table)))


def test_a_made_column_can_drift_without_drift_of_its_source_columns(release, params):
    assert feature_source.sources(TEXT) == {"gap": ("cost", "use"), "level": ("cost", "use"), "twice": ("cost", "use")}
    assert {"gap", "level", "twice"} <= {*release.reference.columns}
    assert all({"gap", "level", "twice"} <= {*month.columns} for month in release.reference.months.values())
    assert release.reference.months
    kept = reference.loads(reference.dumps(release.reference), "here")
    assert kept.features == TEXT

    window, known = added(log(rows(2000, 1, tied=False)), release, DATA)
    found = drift.judge(known.reference, window, params.monitor)

    assert {column.column for column in found.columns if column.drifted} == {"gap", "twice"}
    quiet, known = added(log(rows(2000, 2, tied=True)), release, DATA)
    assert drift.judge(known.reference, quiet, params.monitor).verdict == "stable"


def test_if_the_code_cannot_run_the_other_columns_are_compared_and_the_reason_is_reported(release, params):
    feature_source.FEATURES.write_text("")
    feature_code.loaded.cache_clear()

    window, known = added(log(rows(2000, 1, tied=True)), release, DATA)

    assert known.made.startswith(
        "Made columns (gap, level, twice) are not compared: the model was trained with another"
    )
    found = drift.judge(known.reference, window, params.monitor)
    assert found.verdict == "stable"
    assert [column.column for column in found.columns] == ["cost", "use", "kind"]


BOUND = Data.model_validate(
    {**DATA.model_dump(), "made": {"gap": {"min": -1, "max": 1, "missing": 0}, "level": {"missing": 0}}}
)
WHO = r"gap \(made by src/features\.py of cost and use\)"


@pytest.fixture
def bound(release, params):
    """Rows whose made columns are within their bounds, with ids and labels."""
    frame = rows(300, 3, tied=True).assign(id=[f"r{n}" for n in range(300)])
    return frame.assign(bad=(frame["cost"] > 0).astype(int).astype(str))


def test_rows_with_made_columns_outside_their_bounds_stop_training_and_are_quarantined_later(bound):
    wrong = bound.assign(cost=bound["cost"].mask(bound.index == 7, 100.0))
    assert made_columns.checked(bound, BOUND, TEXT) is bound

    with pytest.raises(ContractError, match=WHO + r": 1 of 300 rows outside -1 to 1, e\.g\. id r7\n.*data\.made\.gap"):
        made_columns.checked(wrong, BOUND, TEXT)
    sifted = fresh.sift(wrong, bound, BOUND)
    chunk = Chunk("new.parquet", 0, pa.Table.from_pandas(wrong.drop(columns="bad"), preserve_index=False))
    scored = check(chunk, BOUND, TEXT)

    assert [*sifted.bad["id"]] == [*scored.refused["id"]] == ["r7"]
    assert len(scored.ids) == 299
    for reason in (sifted.reasons.iloc[0], scored.refused["reason"].iloc[0]):
        assert re.fullmatch(WHO + ": outside -1 to 1", reason)


@pytest.mark.slow
def test_the_api_refuses_a_row_whose_made_column_breaks_its_bounds(bound, params, tmp_path):
    params = params.model_copy(update={"data": BOUND, "train": Train(model="logistic_regression")})
    fitted = model.fit(bound, BOUND, params.train, TEXT)
    for name, content in compiled(fitted).items():
        files.write_bytes(content, tmp_path / "model" / name)
    files.write_bytes(model_file.dumps(fitted), tmp_path / "model" / "model.skops")
    files.write_bytes(shipped.contract_of(params, bound), tmp_path / "model" / "contract.json")
    sent = [{"id": "a", "cost": 1.0, "use": 0.5, "kind": "a"}, {"id": "b", "cost": 9.0, "use": 0.5, "kind": "a"}]

    with TestClient(application(tmp_path / "model", tmp_path / "logs")) as client:
        refused = client.post("/predict", json={"rows": sent})
        answered = client.post("/predict", json={"rows": sent[:1]})

    assert answered.status_code == 200
    assert refused.status_code == 422
    (problem,) = refused.json()["detail"]
    assert (problem["row"], problem["column"], problem["value"]) == (1, "gap", 8.5)
    assert re.fullmatch(f"row 1, {WHO}: 8.5; allowed: a number from -1 to 1", problem["msg"])


def test_bounds_of_columns_that_no_function_makes_stop_the_run(release):
    settings = parse(SAMPLE.read_text())
    settings["gates"] = dict.fromkeys(settings["gates"])
    for given, sentence in (({"gaps": {}}, "did you mean `gap`"), ({"level": {"min": 1}}, "level is a category")):
        settings["data"]["made"] = given
        with pytest.raises(UserError, match=sentence):
            checked(settings)
