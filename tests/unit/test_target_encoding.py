"""A column with `encoding: target` becomes cross-fitted means of the target, and is served, explained and bounded."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.model_selection import KFold
from sklearn.preprocessing import TargetEncoder

from ml.adoption import messages, proposed_contract
from ml.data.schema import inputs
from ml.model import explanation, model, model_file
from ml.model.compiled import compiled
from ml.model.compiled_parity import served
from ml.model.features import preprocessing
from ml.model.model_contract import CONTRACT, Contract
from ml.model.predictor import from_files
from ml.settings.data import Category, Data
from ml.settings.train import Train

ROWS = 400
RULES = {"type": "category", "values": ["c1", "c2"], "others": True, "missing": 0.2, "encoding": "target"}
COLUMNS = {"x": {"type": "number", "missing": 0.1}, "k": {"type": "category", "values": ["a", "b"]}, "city": RULES}
TARGETS = {
    "two classes": {"positive": "yes"},
    "three classes": {"task": "multiclass", "classes": ["low", "mid", "top"]},
    "two of several": {"task": "multiclass", "classes": ["low", "top"]},
    "a number": {"task": "regression"},
}
SMALL_FOREST = {"random_forest": {"n_estimators": 3}}
SMALL = {"random_forest": {"n_estimators": 5}, "lightgbm.LGBMClassifier": {"n_estimators": 5}}
CASES = [
    *[(target, "random_forest") for target in TARGETS],
    ("three classes", "logistic_regression"),
    ("a number", "ridge"),
    ("two classes", "lightgbm.LGBMClassifier"),
]


def contract(target):
    return Data.model_validate({"file": "t.csv", "id": "id", "target": {"name": "y", **target}, "columns": COLUMNS})


def table(target, signal=1.0):
    """The value of a row depends on its city, of which there are 40; some rows lack one."""
    rng = np.random.default_rng(0)
    place = rng.integers(0, 40, ROWS)
    value = rng.normal(size=40)[place] * signal + rng.normal(0, 0.3, ROWS)
    names = target.get("classes", ["no", "yes"])
    y = [str(v) for v in value]
    if target.get("task") != "regression":
        y = [names[i] for i in np.digitize(value, np.quantile(value, np.linspace(0, 1, len(names) + 1)[1:-1]))]
    city = np.where(rng.random(ROWS) < 0.1, None, np.array([f"c{n}" for n in place], dtype=object))
    x = np.where(rng.random(ROWS) < 0.05, np.nan, rng.normal(size=ROWS))
    return pd.DataFrame({"id": [f"r{n}" for n in range(ROWS)], "x": x, "k": rng.choice(["a", "b"], ROWS)}).assign(
        city=city, y=y
    )


@pytest.mark.slow
@pytest.mark.parametrize(("target", "name"), CASES)
def test_serving_and_explanation_equal_the_stored_model(target, name):
    data, frame = contract(TARGETS[target]), table(TARGETS[target])
    files = {"model.skops": model_file.dumps(model.fit(frame, data, Train.model_validate({"model": name, **SMALL})))}
    fitted = model_file.loads(files["model.skops"])
    known = Contract(project="p", threshold=0.5, data=data).model_dump_json().encode()
    predictor = from_files({CONTRACT: known, **files, **compiled(fitted)})
    rows = frame.head(60).assign(city=["never seen", None, "c3"] * 20)

    score = model.scores(fitted, rows, data)
    found = explanation.explainer(files, data)(rows)

    plain = rows[[*data.columns]].astype(object).where(rows[[*data.columns]].notna(), None).to_dict("records")
    assert served(predictor, rows, data) == pytest.approx(score, abs=1e-9)
    assert predictor.scores(plain) == pytest.approx(score, abs=1e-9)
    assert {*found.columns} == {"x", "k", "city"}
    told = score if score.ndim == 1 else score.max(axis=1)
    assert found.base + found.added.sum(axis=1) == pytest.approx(told, abs=1e-5)


def correlation_of_means(frame, data, early, monkeypatch):
    """The correlation of encoded levels with the target in the rows on which the estimator is fitted."""
    seen = []

    def halt(_, x, y, **__):
        seen.append((x, y))
        raise RuntimeError("seen")

    monkeypatch.setattr("lightgbm.LGBMRegressor.fit", halt)
    settings = {"model": "lightgbm.LGBMRegressor", "early_stopping": early}
    with pytest.raises(Exception, match="seen"):
        model.fit(frame, data, Train.model_validate(settings))
    x, y = seen[0]
    return np.corrcoef(np.asarray(x)[:, -1], y)[0, 1]


@pytest.mark.parametrize("early", [None, 3])
def test_the_estimator_is_fitted_on_means_of_the_other_folds(early, monkeypatch):
    """Levels without information must look like noise; a mean that includes its own row would not."""
    data, frame = contract(TARGETS["a number"]), table(TARGETS["a number"], signal=0.0)
    frame["city"] = [f"c{n % 150}" for n in range(ROWS)]

    assert correlation_of_means(frame, data, early, monkeypatch) < 0.2


@pytest.mark.parametrize("early", [None, 3])
def test_means_of_levels_come_from_other_entities(early, monkeypatch):
    """Levels without information must look like noise, also if the target belongs to the entity."""
    grouped = contract(TARGETS["a number"]).model_copy(update={"group": "owner"})
    rng, owners = np.random.default_rng(0), np.repeat(np.arange(ROWS // 10), 10)
    frame = table(TARGETS["a number"]).assign(
        owner=[f"o{n}" for n in owners],
        city=[f"c{n}" for n in owners],
        y=rng.normal(size=ROWS // 10)[owners].astype(str),
    )
    order = rng.permutation(ROWS)

    assert correlation_of_means(frame.iloc[order], grouped, early, monkeypatch) < 0.2


def test_a_stored_model_of_a_grouped_table_contains_no_folds():
    grouped = contract(TARGETS["two classes"]).model_copy(update={"group": "owner"})
    frame = table(TARGETS["two classes"]).assign(owner=[f"o{n % 20}" for n in range(ROWS)])

    fitted = model.fit(frame, grouped, Train.model_validate(SMALL_FOREST))

    again = model_file.loads(model_file.dumps(fitted)).named_steps["preprocessing"]
    assert isinstance(again.named_transformers_["target"].named_steps["means"].cv, KFold)
    assert isinstance({n: p for n, p, _ in again.transformers}["target"].named_steps["means"].cv, KFold)


def test_the_means_equal_scikit_learns():
    data, frame = contract(TARGETS["a number"]), table(TARGETS["a number"])
    truth = frame["y"].astype(float).to_numpy()

    rows = inputs(frame, data)
    found = preprocessing(data).fit(rows, truth).transform(rows)[:, -1]

    cities = frame[["city"]].fillna("").to_numpy(dtype=object)
    means = TargetEncoder(target_type="continuous").fit(cities, truth).transform(cities)[:, 0]
    assert np.corrcoef(found, means)[0, 1] == pytest.approx(1)


@pytest.mark.slow
def test_a_monotone_constraint_and_a_seed_reach_the_model():
    data, frame = contract(TARGETS["two classes"]), table(TARGETS["two classes"])
    forest = {"n_estimators": 3, "monotonic_cst": {"x": 1}}

    same = [model_file.dumps(model.fit(frame, data, Train.model_validate({"random_forest": forest}))) for _ in range(2)]

    assert same[0] == same[1]


def test_a_misspelt_encoding_is_refused_and_the_default_leaves_the_contract_unchanged():
    with pytest.raises(ValidationError, match="levels"):
        Category.model_validate(RULES | {"encoding": "mean"})
    assert "encoding" not in Category.model_validate(RULES | {"encoding": "levels"}).model_dump()
    assert Category.model_validate(RULES).model_dump()["encoding"] == "target"


@pytest.mark.parametrize(("count", "kept"), [(100, True), (2900, False)])
def test_adopt_encodes_many_levels_and_leaves_out_those_that_hardly_repeat(count, kept):
    k = [f"v{n % count}" for n in range(3000)]
    frame = pd.DataFrame({"id": np.arange(3000), "k": k, "y": np.arange(3000) % 3 == 0}).assign(x=np.arange(3000) / 7)

    found, left = proposed_contract.infer(frame, "data/t.csv", "y", {"id": "id"})

    assert found["columns"].get("k", {}).get("encoding") == ("target" if kept else None)
    assert any("encoding: target" in said for said in messages.guesses(found, left, frame, made=False)) is kept
    assert kept or "2,900 different texts" in left[0]


def test_models_that_encode_levels_in_different_ways_take_the_same_requests():
    mean = contract(TARGETS["two classes"])
    plain = {**COLUMNS, "city": {**RULES, "encoding": "levels"}}
    other = mean.model_copy(update={"columns": Data.model_validate(mean.model_dump() | {"columns": plain}).columns})

    assert mean.columns != other.columns
    assert mean.as_sent() == other.as_sent() == other
