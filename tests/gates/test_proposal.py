"""Gates proposed for a new table pass the model that they are derived from, and refuse a model that guesses."""

import numpy as np
import pandas as pd
import pytest

from ml.gates import calibration, limits, proposed_cases, proposed_gates, proposed_groups, proposed_stability
from ml.io import yaml_edit
from ml.model.crossed import Crossed, crossed
from ml.settings.params import Params
from ml.tasks.choose import task_of
from tests.world.drawn import drawn

KINDS = ("two classes", "three classes", "a number")


@pytest.fixture(scope="module", params=KINDS)
def world(request):
    """A cross-validated model of 1,000 rows, and the gates proposed from it."""
    frame, params = drawn(request.param, 1000, 0)
    found = crossed(frame, params)
    made = proposed_gates.proposed(found, params, len(frame))
    settings = Params.model_validate(yaml_edit.changed(params.model_dump(by_alias=True), made.settings))
    return found, settings, made


def judged(found, params, output):
    task = task_of(params.data, params.evaluate)
    intervals = task.score(found.truth, output).intervals(100, 0.95)
    return all(v.passed for v in limits.absolute(intervals, len(output), params.gates))


def test_the_baseline_meets_the_limits_and_a_constant_answer_does_not(world):
    found, params, _ = world

    assert judged(found, params, found.output)
    assert not judged(found, params, found.constant)


def test_the_model_meets_the_limits_of_calibration(world):
    found, params, _ = world
    figures = task_of(params.data).calibrated(found.truth, found.output, 0.95)

    bounds = {name: bound for name, bound in params.gates.calibration if name in {"slope", "bias"} and bound}
    judged = [(f, bounds[f.name]) for f in figures if f.name in bounds]

    assert "bias" in bounds
    assert all(v.passed for f, bound in judged for v in calibration.bounded(f.name, f.found, 1000, bound))


def test_easy_cases_name_few_columns_and_no_row_of_the_table(world):
    found, params, _ = world
    cases = params.gates.behaviour.easy

    assert len(cases) >= 2
    assert all(len(case.row) <= 4 for case in cases)
    assert not any((found.frame["a"] == case.row.get("a")).any() for case in cases)


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "limit"), [(0.1, None), (3.0, 0.15)])
def test_a_weak_signal_widens_the_limit_of_stability(noise, limit):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2))
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(id=[f"r{n}" for n in range(600)])
    frame["y"] = np.where(x[:, 0] + noise * rng.normal(size=600) > 0, "yes", "no")
    data = {"file": "t.csv", "id": "id", "target": {"name": "y", "positive": "yes"}}
    data["columns"] = {"a": {"type": "number"}, "b": {"type": "number"}}
    trees = {"random_forest": {"n_estimators": 5, "max_depth": 4}}
    params = Params.model_validate({"project": "p", "data": data, "train": trees})

    settings, told = proposed_stability.proposed(crossed(frame, params), params)

    found = settings.get("gates.stability.max_flips")
    assert (found is None) if limit is None else found >= limit
    assert len(told) == len(settings)


@pytest.mark.slow
def test_no_easy_case_stands_at_the_edge_of_its_class():
    """The typical values that fill a case differ from table to table, so nearby rows must be equally easy."""
    rng = np.random.default_rng(0)
    x, k = rng.normal(size=600), rng.choice(["red", "blue"], 600)
    near = np.where(np.abs(x) < 0.12, "mid", np.where(x < 0, "low", "top"))
    frame = pd.DataFrame({"id": [f"r{n}" for n in range(600)], "x": x, "k": k, "y": near})
    columns = {"x": {"type": "number"}, "k": {"type": "category", "values": ["red", "blue"]}}
    target = {"name": "y", "task": "multiclass", "classes": ["low", "mid", "top"]}
    data = {"file": "t.csv", "id": "id", "target": target, "columns": columns}
    trees = {"random_forest": {"n_estimators": 5}}
    metric = {"monitor": {"metric": "accuracy"}}
    params = Params.model_validate({"project": "p", "data": data, "train": trees, **metric})

    _, told = proposed_cases.proposed(crossed(frame, params), params)

    assert told == ["gates.behaviour: easy cases that any usable model gets right: typical low, typical top"]


@pytest.mark.parametrize(
    ("measured", "dummy", "higher", "wanted"),
    [
        ((0.9, 0.89, 0.91), 0.5, True, {"min": 0.8}),
        ((0.9, 0.7, 0.99), 0.5, True, {"min": 0.67}),
        ((0.55, 0.4, 0.7), 0.5, True, None),
        ((20.0, 19.0, 21.0), 60.0, False, {"max": 30}),
        ((None, None, None), 0.5, True, None),
    ],
    ids=["few errors", "wide", "a guess", "lower is better", "one class"],
)
def test_a_limit_keeps_three_quarters_of_the_gain_or_leaves_room_for_chance(measured, dummy, higher, wanted):
    found = dict(zip(("value", "low", "high"), measured, strict=True))

    assert proposed_gates.limit(found, dummy, 1.0, higher=higher) == wanted


@pytest.mark.slow
def test_a_model_no_better_than_chance_is_reported():
    frame, params = drawn("two classes", 1000, 0)
    noise = frame.assign(y=np.random.default_rng(0).permutation(frame["y"]))

    made = proposed_gates.for_table(noise, params)

    assert not {"gates.limits", "gates.behaviour.easy"} & {*made.settings}
    assert "no better than chance" in made.told[0]


def test_a_table_that_cannot_be_cross_validated_says_why():
    frame, params = drawn("two classes", 40, 0)

    made = proposed_gates.for_table(frame.assign(y="a"), params)

    assert made.settings == {}
    assert "no model can be cross-validated" in made.told[0]


@pytest.mark.parametrize(
    ("name", "values", "people"),
    [
        ("sex", ["m", "f"], True),
        ("ageGroup", ["18-30", "31-"], True),
        ("age", [18.0, 90.0], True),
        ("age", [1.0, 52.0], False),
        ("marital-status", ["single", "married"], True),
        ("usage", ["low", "high"], False),
        ("terrace", ["yes", "no"], False),
    ],
)
def test_columns_that_describe_people_are_known_by_name(name, values, people):
    assert proposed_groups.describes_people(pd.Series(values, name=name)) == people


@pytest.mark.parametrize(("lean", "limit"), [(0.0, 0.1), (0.2, 0.3)])
def test_the_baseline_meets_the_proposed_limit_of_fairness(params, customers, lean, limit):
    rng = np.random.default_rng(0)
    frame = pd.concat([customers] * 4, ignore_index=True).assign(sex=rng.choice(["m", "f"], 4 * len(customers)))
    columns = {**params.data.columns, "sex": params.data.columns["region"].model_copy(update={"values": ("m", "f")})}
    data = params.data.model_copy(update={"columns": columns})
    score = rng.random(len(frame)) * (1 - lean) + lean * (frame["sex"] == "m")
    truth = (rng.random(len(frame)) < score).astype("int8").to_numpy()
    found = Crossed(frame, truth, score.to_numpy(), np.full(len(frame), 0.5), (), data)

    settings, told = proposed_groups.proposed(found, params.model_copy(update={"data": data}), 1.0)

    assert settings["gates.fairness.columns"] == ["sex"]
    assert limit <= settings["gates.fairness.demographic_parity"] <= limit + 0.1
    assert any("treats groups of sex differently" in sentence for sentence in told) == (lean > 0)
