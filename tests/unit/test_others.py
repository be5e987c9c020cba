"""A level outside the contract is accepted everywhere if `others` allows it, and nowhere else."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from ml.adoption import proposed_contract
from ml.data import schema
from ml.data.breaches import breaches
from ml.data.words import OTHERS
from ml.gates.leakage import columns
from ml.model import model, model_file
from ml.model.compiled import compiled
from ml.model.compiled_parity import served
from ml.model.distributions import of_levels
from ml.model.model_contract import CONTRACT, Contract
from ml.model.predictor import from_files
from ml.model.reference import profiled
from ml.settings.data import Data
from ml.settings.train import Train
from ml.settings.validate import Validate
from ml.tasks import inferred
from ml.validation import counts
from serving.request_model import body

RULES = {"type": "category", "values": ["a", "b"], "missing": 0.1}


def contract(*, others):
    columns = {"x": {"type": "number"}, "k": RULES | {"others": others}}
    return Data.model_validate({"file": "t.csv", "id": "id", "target": {"name": "y"}, "columns": columns})


@pytest.fixture(scope="module")
def table():
    """Half of the rows have one of 300 levels with a few rows each."""
    rng = np.random.default_rng(0)
    k = np.where(rng.random(600) < 0.5, rng.choice(["a", "b"], 600), [f"rare {n}" for n in rng.integers(0, 300, 600)])
    y = rng.random(600) < np.where(k == "a", 0.9, 0.3)
    frame = pd.DataFrame({"id": [f"r{n}" for n in range(600)], "x": rng.normal(size=600), "k": k, "y": y})
    return schema.conform(frame, contract(others=True))


@pytest.mark.parametrize(("others", "wrong"), [(True, 0), (False, 1)])
def test_an_unlisted_level_is_accepted_if_others_are_allowed(table, others, wrong):
    data = contract(others=others)
    rows = table[table["k"].isin(["a", "b"])].head(3).assign(k=["a", "new", None])

    tallied = [t for t in counts.counted_rows(rows, data, Validate()).tallies if t.rule.subject == "k"]
    broken = [name for name, rows, _ in breaches(rows, data) if rows.any()]

    assert sum(t.wrong for t in tallied if "in_set" in t.rule.expectation) == wrong
    assert broken == ["k"] * wrong


@pytest.mark.parametrize(
    ("sent", "read"),
    [("new", "new"), (" new ", "new"), (" a", "a"), (7.0, "7"), (True, "True"), (None, None), (" ", None)],
)
def test_the_api_reads_other_levels_as_the_table_does(sent, read):
    model = body(contract(others=True), 10, "refuse")

    assert model.rows.validate_python([{"x": 1.0, "k": sent}]) == [{"x": 1.0, "k": read}]
    raw = pd.DataFrame({"id": ["1"], "x": [1.0], "k": pd.Series([sent], dtype=object), "y": [True]})
    assert schema.conform(raw, contract(others=True))["k"].tolist() == [read]


@pytest.mark.parametrize("sent", ["x" * 201, ["a"], {}, float("nan"), float("inf")])
def test_the_api_refuses_values_that_are_no_level(sent):
    with pytest.raises(ValidationError):
        body(contract(others=True), 10, "refuse").rows.validate_python([{"x": 1.0, "k": sent}])


def test_a_too_long_level_is_refused_by_table_and_api(table):
    rows = table.head(2).assign(k=["x" * 200, "x" * 201])

    assert [found.tolist() for name, found, _ in breaches(rows, contract(others=True)) if name == "k"] == [
        [False, True]
    ]


@pytest.mark.slow
def test_the_compiled_form_treats_other_levels_as_the_model_does(table):
    data = contract(others=True)
    fitted = model.fit(table, data, Train.model_validate({"random_forest": {"n_estimators": 10}}))
    known = Contract(project="p", threshold=0.5, data=data).model_dump_json().encode()
    predictor = from_files({CONTRACT: known, "model.skops": model_file.dumps(fitted), **compiled(fitted)})
    rows = table.head(200).assign(k=["never seen"] * 100 + ["rare 1"] * 100)

    assert served(predictor, rows, data) == pytest.approx(model.scores(fitted, rows, data), abs=1e-9)


def test_levels_with_one_row_each_are_no_leak(table):
    alone = table.assign(k=[f"only {n}" for n in range(len(table))], x=0.0)

    assert columns(alone, contract(others=True), suspect=0.98).passed
    assert not columns(alone, contract(others=False), suspect=0.98).passed


def test_monitoring_counts_other_levels_as_one_and_names_untrained_ones(table):
    before = profiled(table, contract(others=True))["k"]

    assert {*before.levels} == {"a", "b", OTHERS}
    assert of_levels(pd.Series(["a", "brand new"]), before).levels == {"a": 1, OTHERS: 1}
    plain = profiled(table[table["k"].isin(["a", "b"])], contract(others=True))["k"]
    assert of_levels(pd.Series(["a", "brand new"]), plain).levels == {"a": 1, "brand new": 1}


@pytest.mark.parametrize(("often", "kept"), [(0.9, True), (0.2, False)])
def test_adopt_keeps_a_column_of_many_levels_whose_frequent_ones_cover_half_of_the_rows(often, kept):
    rng = np.random.default_rng(0)
    k = np.where(rng.random(3000) < often, rng.integers(0, 40, 3000), rng.integers(100, 3000, 3000)).astype(str)
    frame = pd.DataFrame(
        {"id": np.arange(3000), "x": rng.normal(size=3000), "k": [f"v{n}" for n in k], "y": rng.random(3000) < 0.4}
    )

    found, left = proposed_contract.infer(frame, "data/t.csv", "y", {})

    assert ("k" in found["columns"]) is kept
    if kept:
        assert len(found["columns"]["k"]["values"]) == inferred.LEVELS
        assert found["columns"]["k"]["others"] is True
    else:
        assert "different texts" in left[0]
