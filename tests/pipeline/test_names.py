"""A table whose features have names that the code itself uses is treated like any other."""

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from ml import gates
from ml.data import schema
from ml.data.split import is_test
from ml.model import model, model_file, reference
from ml.monitoring import collect, drift, evidently_pages, findings, log_tables
from ml.monitoring.collect import Names
from ml.prediction_log.predictions import read_log
from ml.retraining import fresh
from ml.settings.monitor import Monitor
from ml.settings.prepare import Prepare
from ml.tasks import score_rows, two_words
from ml.validation import checks
from ml.validation.profile import profile
from tests.gates import world
from tests.serving.server import application, built

pytestmark = pytest.mark.slow

OURS = [
    *log_tables.OURS,
    *("lag_days", "young", "again", "side", "decided"),
    *("is_positive", "quarantined", "quarantined_", "missing", "prediction", "table", "target", "estimator"),
    *("features.id", "features.score", "features.features.id", "features", "rows", "columns", "data", "judged"),
    *("self", "index", "level_0", "x", "y", "value", "low", "high", "count", "0", "model_config", "name", "digest"),
]
NEUTRAL = [f"column {number}" for number in range(len(OURS))]
OTHERS = dict(zip(OURS, NEUTRAL, strict=True))
LEVELS = ["missing", "other"]
ROWS = 400
OFF = dict.fromkeys(["champion", "stability", "latency", "api", "freshness", "size"])


def settings(names):
    """Settings in which every other feature is a category."""
    kinds = [{"type": "number", "min": -9, "max": 9, "missing": 0.5}, {"type": "category", "values": LEVELS}]
    data = {"file": "t.csv", "id": "who", "time": "when", "target": {"name": "left", "positive": 1}}
    data["columns"] = {name: kinds[place % 2] for place, name in enumerate(names)}
    rules = {"slices": {"columns": names[:4], "min_rows": 20, "min_class": 5}, "fairness": {"columns": [names[1]]}}
    rules["behaviour"] = {
        "rows": 50,
        "invariance": [{"column": names[1], "max_change": 1.0}],
        "direction": [{"column": names[OURS.index("self") // 2 * 2], "by": 1, "score": "up", "allow": 1.0}],
    }
    limits = {"accuracy": {"min": 0.1}, "roc_auc": {"min": 0.1}, "calibration_error": {"max": 1}}
    return world.params(OFF | {"limits": limits} | rules, data=data)


def table(names, rows=ROWS):
    rng = np.random.default_rng(0)
    found = {
        "who": [f"r{n}" for n in range(rows)],
        "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(range(rows), "h"),
    }
    for place, name in enumerate(names):
        number, level = rng.normal(size=rows), rng.choice(np.array(LEVELS, object), rows)
        found[name] = level if place % 2 else np.where(rng.random(rows) < 0.1, np.nan, number)
    chance = 1 / (1 + np.exp(-np.nan_to_num(found[names[0]]) - (found[names[1]] == "missing")))
    return pd.DataFrame({**found, "left": (rng.random(rows) < chance).astype(int)})


def life(names, place):
    """The results of each step, from check to sift, for a table whose features have these names."""
    params, frame = settings(names), table(names)
    data = params.data
    frame = schema.conform(frame, data)
    spoilt = schema.with_columns(frame, {names[0]: frame[names[0]].where(frame.index > 20, 77.0)})
    found = {"check": [(c.passed, c.found) for c in checks.check(spoilt, data, params.validation)]}
    test = is_test(frame, data, Prepare())
    evidence = world.built(frame, params)
    found["gates"] = [(v.passed, v.severity, v.value) for v in gates.judge(evidence)]
    found["profile"] = [*profile(frame, data)["columns"].values()]
    fitted = model.fit(frame[~test], data, params.train)
    score = model.scores(fitted, frame[test], data)
    rows = score_rows.rank(two_words.labels(frame[test], data).to_numpy(), score, 0.5)
    released = reference.build(frame[~test], score, score_rows.intervals(rows, params.evaluate), params)
    found["score"] = score.tolist()
    log = served(frame[test], params, place, fitted)
    found["log"] = sorted(log["score"])
    window = collect.collect(log, Names(frozenset(log["model"])), data, Monitor(min_rows=20), pd.Timestamp.now("UTC"))
    judged = drift.judge(released, window.rows, Monitor(min_rows=20))
    found["drift"] = [(c.drifted, c.effect, c.missing) for c in (*judged.columns, judged.prediction)]
    shapes = [findings.shape(released, window.rows, name) for name in (*names, None)]
    found["shapes"] = [(one["before"], one["after"]) for one in shapes]
    told = fresh.labelled(log, data)
    known = told.drop(columns="when").sort_values("who", ignore_index=True)
    found["labelled"] = known.set_axis(range(len(known.columns)), axis=1)
    sifted = fresh.sift(schema.with_columns(told, {names[0]: [77.0, *told[names[0]][1:]]}), frame, data)
    found["sift"] = (len(sifted.good), len(sifted.bad), len(sifted.reasons))
    found["quarantine"] = sifted.quarantine.shape
    return found, (released, window.rows, data)


def served(frame, params, place, fitted):
    """The prediction log after each row was sent with its features and then its label."""
    folder = built(place / "model", frame, params)
    (folder / "model.skops").write_bytes(model_file.dumps(fitted))
    asked = frame[[params.data.id, *params.data.columns]].astype(object)
    asked = asked.where(asked.notna(), None).to_dict("records")
    labels = [{"id": who, "label": int(left)} for who, left in zip(frame["who"], frame["left"], strict=True)]
    with TestClient(application(folder, place / "logs")) as client:
        assert client.post("/predict", json={"rows": asked}).status_code == 200
        assert client.post("/feedback", json={"labels": labels}).status_code == 200
    return read_log(place / "logs")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return [life(names, tmp_path_factory.mktemp("names")) for names in (OURS, NEUTRAL)]


def test_features_with_our_own_names_are_treated_like_others_from_check_to_sift(both):
    (ours, _), (neutral, _) = both

    assert ours.keys() == neutral.keys()
    for step in ours:
        if step == "labelled":
            pd.testing.assert_frame_equal(ours[step], neutral[step])
        elif step == "check":
            assert sorted(ours[step]) == sorted(neutral[step])
        elif step == "gates":
            assert ours[step] == [(*v[:2], pytest.approx(v[2], abs=1e-9)) for v in neutral[step]]
        else:
            assert ours[step] == neutral[step], step
    assert ours["quarantine"] == (1, len(OURS) + 4)


def test_an_external_table_may_have_features_with_our_names(tmp_path, both):
    data = settings(OURS).data
    names = [name for name in OURS if name not in log_tables.OURS and not name.startswith("features.")]
    rows = table(OURS, 30)[names].assign(id=range(30), time=pd.Timestamp.now("UTC"), score=0.25)
    rows.to_parquet(tmp_path / "other.parquet")

    read = log_tables.LogTable([tmp_path / "other.parquet"], data).recent(pd.Timestamp.now("UTC"), Monitor())

    assert set(read["score"]) == {0.25}
    assert drift.column(read, "lag_days").notna().any()
    assert drift.column(read, "score").isna().all()


def test_evidently_plots_features_with_our_names(both):
    (_, (released, rows, _)), _ = both

    page = evidently_pages.drift(released, rows)

    assert "features.score" in page
    assert evidently_pages.RED not in page  # the colour of an alarm, on every bar
