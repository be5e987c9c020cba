"""Rows of one entity stay together, and rows count by their weight: from the split to the interval."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from ml.adoption import proposed_contract
from ml.data import schema, split
from ml.data.design import Design, design_of
from ml.gates.champion import unseen
from ml.gates.leakage import shared
from ml.io.errors import UserError
from ml.model import interval, model
from ml.settings.data import Data
from ml.settings.evaluate import Evaluate
from ml.settings.params import read_params
from ml.settings.prepare import Prepare
from ml.settings.train import Train
from ml.settings.validate import Validate
from ml.settings.yaml_reading import check
from ml.tasks import calibration_figures
from ml.tasks.choose import task_of
from ml.tasks.live_labels import at_release
from ml.tasks.resampling import weights
from ml.validation import counts
from tests.conftest import SAMPLE

THINGS, EACH = 60, 5
BASE = {"file": "t.csv", "id": "id", "time": "day", "group": "customer", "weight": "w"}
COLUMNS = {"x": {"type": "number"}, "k": {"type": "category", "values": ["a", "b"]}}
TARGETS = {
    "binary": {"name": "y"},
    "multiclass": {"name": "y", "task": "multiclass", "classes": ["0", "1", "2"]},
    "regression": {"name": "y", "task": "regression"},
}
TIME = Prepare(split_by="time", test_share=0.2, gap_days=10)


def contract(task="binary", **changes):
    roles = {name: value for name, value in {**BASE, **changes}.items() if value}
    return Data.model_validate({**roles, "target": TARGETS[task], "columns": COLUMNS})


@pytest.fixture(scope="module")
def table():
    """Five rows for each of sixty customers, on days close to each other, in a random order."""
    rng = np.random.default_rng(0)
    customer = np.repeat(np.arange(THINGS), EACH)
    x = rng.normal(size=THINGS)[customer] + rng.normal(0, 0.3, THINGS * EACH)
    day = pd.Timestamp("2026-01-01") + pd.to_timedelta(customer * 3 + rng.integers(0, 20, len(x)), unit="D")
    frame = pd.DataFrame({"id": [f"r{i}" for i in range(len(x))], "day": day, "customer": [f"c{c}" for c in customer]})
    frame = frame.assign(x=x, k=np.where(x > 0, "a", "b"), w=rng.uniform(0.2, 3, len(x)))
    return frame.assign(y=x + rng.normal(0, 0.5, len(x)) > 0).sample(frac=1, random_state=0, ignore_index=True)


@pytest.mark.parametrize("params", [Prepare(test_share=0.2), TIME], ids=["hash", "time"])
def test_rows_of_one_entity_are_on_one_side(table, params):
    found = split.sides(table, contract(), params)

    assert found.train.any()
    assert found.test.any()
    assert not {*table["customer"][found.train]} & {*table["customer"][found.test]}


@pytest.mark.parametrize("params", [Prepare(test_share=0.2), TIME], ids=["hash", "time"])
def test_rows_of_one_entity_are_in_one_fold(table, params):
    found = split.folds(table, contract(), params, 3)

    assert len(found) > 1
    for rest, held in found:
        assert not {*table["customer"].iloc[rest]} & {*table["customer"].iloc[held]}


def test_the_gap_is_between_the_newest_training_row_and_the_oldest_test_row(table):
    found = split.sides(table, contract(group=None), TIME)

    gap = table["day"][found.test].min() - table["day"][found.train].max()
    assert gap > pd.Timedelta(days=10)
    assert (~found.train & ~found.test).any()


def test_a_gap_that_leaves_no_row_to_train_on_is_refused(table):
    far = TIME.model_copy(update={"gap_days": 9999.0})
    left = split.sides(table, contract(), far).train.sum()

    with pytest.raises(UserError, match=r"no training row is left: .* A smaller prepare.gap_days"):
        split.must_have_rows(left, 1, contract(), far)


def test_a_gap_requires_a_split_by_time():
    with pytest.raises(UserError, match="gap_days needs split_by: time"):
        check(Prepare, {"gap_days": 3.0})


def test_the_gate_names_an_entity_on_both_sides(table):
    verdict = shared("groups", "customer", table.head(100), table.tail(100))

    assert not verdict.passed
    assert "customers are in training and test rows" in verdict.reason


def test_a_champion_split_by_group_has_not_seen_the_test_groups(table):
    params = read_params(SAMPLE).model_copy(update={"data": contract(), "prepare": Prepare(test_share=0.2)})
    test = table[split.sides(table, params.data, params.prepare).test]
    theirs = {"prepare": {"test_share": 0.2}, "data": {"id": "id"}}

    assert unseen(test, params, theirs | {"data": {"id": "id", "group": "customer"}}, same_data=False)[1] == ""
    assert "may have trained on some test rows" in unseen(test, params, theirs, same_data=False)[1]


def test_entities_are_drawn_with_all_their_rows():
    entity = np.repeat(np.arange(20), 4)

    for drawn in weights(80, 5, design=Design(entity=entity)):
        assert (drawn.reshape(20, 4) == drawn[::4, None]).all()
        assert drawn[::4].sum() == 20


def test_the_interval_of_repeated_rows_equals_that_of_the_entities():
    rng = np.random.default_rng(0)
    label, score = rng.integers(0, 2, 300), rng.uniform(size=300)
    task = task_of(contract(), Evaluate())

    once = task.score(label, score).intervals(300, 0.95)["accuracy"]
    copies = [np.repeat(values, 10) for values in (label, score)]
    entity = np.repeat(np.arange(300), 10)
    wrong = task.score(*copies).intervals(300, 0.95)["accuracy"]
    right = task.score(*copies, Design(entity=entity)).intervals(300, 0.95)["accuracy"]

    widths = [found["high"] - found["low"] for found in (once, wrong, right)]
    assert widths[2] == pytest.approx(widths[0], rel=0.15)
    assert widths[1] < widths[0] / 2


def test_calibration_of_repeated_rows_has_the_interval_of_the_entities():
    rng = np.random.default_rng(0)
    score = rng.uniform(0.05, 0.95, 500)
    label = (rng.uniform(size=500) < score).astype("int8")
    many = Design(entity=np.repeat(np.arange(500), 6))

    once = calibration_figures.measured(label, score, 0.95)
    again = calibration_figures.measured(np.repeat(label, 6), np.repeat(score, 6), 0.95, many)

    for name in ("bias", "slope"):
        assert again[name]["value"] == pytest.approx(once[name]["value"], abs=1e-6)
        widths = [found[name]["high"] - found[name]["low"] for found in (once, again)]
        assert widths[1] == pytest.approx(widths[0], rel=0.1)


def weighted(task, table):
    """Truth, output and weights of the table, with scikit-learn's figures for them."""
    rng, w = np.random.default_rng(1), table["w"].to_numpy()
    if task == "regression":
        y = table["x"].to_numpy()
        p = y + rng.normal(0, 1, len(y))
        known = {"mae": sk.mean_absolute_error, "r2": sk.r2_score, "rmse": sk.root_mean_squared_error}
        known |= {"median_absolute_error": sk.median_absolute_error}
        return y, p, {name: of(y, p, sample_weight=w) for name, of in known.items()}
    if task == "multiclass":
        y = rng.integers(0, 3, len(w))
        p = rng.dirichlet(np.ones(3), len(w))
        d = p.argmax(axis=1)
        found = {"accuracy": sk.accuracy_score(y, d, sample_weight=w), "log_loss": sk.log_loss(y, p, sample_weight=w)}
        found |= {f"{how}_f1": sk.f1_score(y, d, average=how, sample_weight=w) for how in ("macro", "weighted")}
        found |= {"balanced_accuracy": sk.balanced_accuracy_score(y, d, sample_weight=w)}
        return y, p, found
    y, p = table["y"].to_numpy().astype("int8"), rng.uniform(size=len(w))
    d = p >= 0.5
    known = {"accuracy": sk.accuracy_score, "balanced_accuracy": sk.balanced_accuracy_score, "f1": sk.f1_score}
    found = {name: of(y, d, sample_weight=w) for name, of in known.items()}
    known = {"roc_auc": sk.roc_auc_score, "pr_auc": sk.average_precision_score, "log_loss": sk.log_loss}
    known |= {"brier": sk.brier_score_loss}
    return y, p, found | {name: of(y, p, sample_weight=w) for name, of in known.items()}


@pytest.mark.parametrize("task", TARGETS)
def test_weighted_metrics_are_those_of_scikit_learn(task, table):
    truth, output, known = weighted(task, table)
    scored = task_of(contract(task), Evaluate()).score(truth, output, design_of(table, contract(task)))

    assert {name: scored.measure()[name] for name in known} == pytest.approx(known, abs=1e-9)


@pytest.mark.parametrize("task", TARGETS)
def test_live_figures_are_compared_with_unweighted_figures(task, table):
    truth, output, _ = weighted(task, table)
    evaluate = Evaluate(bootstrap=100)
    of = task_of(contract(task), evaluate)
    design, alike = design_of(table, contract(task)), design_of(table, contract(task, weight=None))
    by_weight = of.score(truth, output, design).intervals(100, 0.95)
    plain = of.score(truth, output, alike).intervals(100, 0.95)

    found = at_release(of, truth, output, evaluate, design, by_weight)

    assert found == at_release(of, truth, output, evaluate, alike, plain)
    assert found[of.metric]["value"] == plain[of.metric]["value"] != by_weight[of.metric]["value"]


def test_weighted_training_is_that_of_scikit_learn(table):
    params = Train.model_validate({"model": "logistic_regression"})
    data = contract(group=None)

    fitted = model.fit(table, data, params)

    x = fitted[:-1].transform(schema.inputs(table, data))
    known = LogisticRegression(C=params.logistic_regression.C, max_iter=1000, random_state=0)
    known.fit(x, table["y"].astype("int8"), sample_weight=table["w"])
    plain = model.fit(table, contract(weight=None), params)
    assert model.scores(fitted, table, data) == pytest.approx(known.predict_proba(x)[:, 1], abs=1e-6)
    assert model.scores(fitted, table, data) != pytest.approx(model.scores(plain, table, data), abs=1e-3)


@pytest.mark.parametrize(("path", "task"), [("sklearn.neighbors.KNeighborsClassifier", "binary")])
def test_an_estimator_that_cannot_weight_rows_is_refused(path, task, table):
    with pytest.raises(UserError, match=r"cannot weight rows .* remove data.weight from params.yaml"):
        model.fit(table, contract(task), Train.model_validate({"model": path}))


@pytest.mark.slow
def test_the_interval_of_a_number_holds_out_whole_entities(table):
    number = table["customer"].str.removeprefix("c").astype("float64")
    copies = table.assign(x=number, y=(number * 7919 % 101).astype("str"))  # known of a customer, and of no other
    forest = Train.model_validate({"random_forest": {"n_estimators": 10}})

    apart = interval.half_width(copies, contract("regression", weight=None), forest, 0.9)
    mixed = interval.half_width(copies, contract("regression", weight=None, group=None), forest, 0.9)

    assert apart > mixed


def test_a_weight_that_is_not_above_0_and_a_group_that_is_missing_stop_validate(table):
    bad = table.assign(w=table["w"].mask(table.index == 3, 0.0), customer=table["customer"].mask(table.index == 5))
    frame = schema.conform(bad, contract())

    tallies = counts.counted_rows(frame, contract(), Validate()).tallies
    broken = {t.rule.setting: t.figure.found for t in tallies if t.wrong}

    assert "1 of 300 rows are not above 0, e.g. 0.0 at row 4" in broken["data.weight"]
    assert "1 of 300 rows are missing" in broken["data.group"]


def test_adopt_proposes_the_column_of_entities_with_several_rows(table):
    frame = pd.concat([table.drop(columns="id")] * 2, ignore_index=True)
    frame = frame.rename(columns={"customer": "customerID"}).assign(order_id=np.arange(len(frame)) // 2)

    found, left = proposed_contract.infer(frame, "data/t.csv", "y", {"weight": "w"})
    plain, _ = proposed_contract.infer(frame, "data/t.csv", "y", {"group": "none"})

    assert (found["group"], found["weight"]) == ("customerID", "w")
    assert {*found["columns"]} == {"x", "k"}
    assert "order_id: identifies entities like customerID" in left
    assert "group" not in plain
