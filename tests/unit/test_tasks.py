"""The metrics of each task equal scikit-learn's, also with weights, and so do the predictions of compiled models."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from ml.data.schema import inputs
from ml.model import interval, model, model_file
from ml.model.compiled import compiled
from ml.model.compiled_parity import served
from ml.model.estimators import KNOWN
from ml.model.model_contract import CONTRACT, Contract
from ml.model.predictor import from_files
from ml.settings.data import Data
from ml.settings.gates import Case
from ml.settings.train import Train
from ml.tasks.choose import task_of

ROWS = 400
COLUMNS = {"x": {"type": "number", "missing": 0.1}, "k": {"type": "category", "values": ["a", "b", "c"]}}
TARGETS = {
    "three classes": {"task": "multiclass", "classes": ["low", "mid", "top"]},
    "two classes": {"task": "multiclass", "classes": ["low", "top"]},
    "a class that no row has": {"task": "multiclass", "classes": ["low", "mid", "never", "top"]},
    "a number": {"task": "regression"},
}


def table(target):
    rng = np.random.default_rng(1)
    x, k = rng.normal(size=ROWS), rng.choice(np.array(["a", "b", "c"], object), ROWS)
    value = x + (k == "c") + rng.normal(0, 0.3, ROWS)
    names = [name for name in target.get("classes", []) if name != "never"]
    cut = np.digitize(value, np.quantile(value, np.linspace(0, 1, len(names) + 1)[1:-1])) if names else value
    y = [names[place] for place in cut] if names else [str(v) for v in value]
    x[::20] = np.nan
    return pd.DataFrame({"id": [f"r{i}" for i in range(ROWS)], "x": x, "k": k, "y": y})


def contract(target):
    return Data.model_validate({"file": "t.csv", "id": "id", "target": {"name": "y", **target}, "columns": COLUMNS})


def cases():
    for name, target in TARGETS.items():
        for estimator in KNOWN[target["task"]]:
            yield pytest.param(target, estimator, id=f"{name}, {estimator}")
        kind = "Regressor" if target["task"] == "regression" else "Classifier"
        for estimator in ("lightgbm.LGBM", "xgboost.XGB", "catboost.CatBoost"):
            if name != "a class that no row has":
                yield pytest.param(target, estimator + kind, id=f"{name}, {estimator}{kind}")


@pytest.mark.fast(3)
@pytest.mark.parametrize(("target", "estimator"), [*cases()])
def test_the_compiled_form_equals_scikit_learn(target, estimator):
    data, frame = contract(target), table(target)
    small = {"random_forest": {"n_estimators": 10}, "hist_gradient_boosting": {"max_iter": 10}}
    small |= {estimator: {"n_estimators": 10}} if "." in estimator else {}
    fitted = model_file.loads(
        model_file.dumps(model.fit(frame, data, Train.model_validate({"model": estimator, **small})))
    )
    described = Contract(project="p", threshold=0.5, data=data).model_dump_json().encode()

    predictor = from_files(compiled(fitted) | {CONTRACT: described})

    expected = model.scores(fitted, frame, data)
    assert predictor.kind != "sklearn"
    close = 1e-6 if estimator.startswith("xgboost") else 1e-9  # XGBoost adds in float32
    assert served(predictor, frame, data) == pytest.approx(expected, abs=close)
    assert expected.shape == ((ROWS, len(target["classes"])) if "classes" in target else (ROWS,))


def test_weighted_metrics_of_classes_equal_scikit_learns():
    task, rng = task_of(contract(TARGETS["three classes"])), np.random.default_rng(0)
    truth, weight = rng.integers(0, 3, ROWS), rng.integers(0, 4, ROWS).astype(float)
    output = rng.dirichlet(np.ones(3), ROWS).round(2)
    output /= output.sum(axis=1, keepdims=True)

    found = task.score(truth, output).measure(weight)

    said = output.argmax(axis=1)
    drawn = np.repeat(np.arange(ROWS), weight.astype(int))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(truth, said, sample_weight=weight))
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(truth, said, sample_weight=weight))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(truth, said, average="macro", sample_weight=weight))
    assert found["weighted_f1"] == pytest.approx(sk.f1_score(truth, said, average="weighted", sample_weight=weight))
    assert found["log_loss"] == pytest.approx(sk.log_loss(truth, output, sample_weight=weight))
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(truth[drawn], output[drawn], multi_class="ovr"))
    top = sk.top_k_accuracy_score(truth, output, k=2, sample_weight=weight)
    assert found["top_2_accuracy"] == pytest.approx(top)
    assert "top_3_accuracy" not in found  # of three classes it is always 1
    figures = sk.precision_recall_fscore_support(truth, said, sample_weight=weight)
    assert found["lowest_precision"] == pytest.approx(figures[0].min())
    assert found["lowest_recall"] == pytest.approx(figures[1].min())


def test_figures_of_each_class_equal_scikit_learns_and_are_within_their_intervals():
    task, rng = task_of(contract(TARGETS["a class that no row has"])), np.random.default_rng(0)
    truth, output = rng.choice([0, 1, 3], ROWS), rng.dirichlet(np.ones(4), ROWS)

    found = pd.DataFrame(task.score(truth, output).curves(0.9)["by_class"])

    assert found["class"].tolist() == ["low", "mid", "top"]
    figures = sk.precision_recall_fscore_support(truth, output.argmax(axis=1), labels=[0, 1, 3])
    for name, values in zip(("precision", "recall", "f1", "rows"), figures, strict=True):
        assert found[name].tolist() == pytest.approx(values.tolist(), abs=1e-6)
    for name in ("precision", "recall", "f1"):
        assert found[name].between(found[f"{name}_low"], found[f"{name}_high"]).all()


@pytest.mark.parametrize("decimals", [1, 17])
def test_top_k_equals_scikit_learns_also_with_equal_probabilities(decimals):
    task, rng = task_of(contract({"task": "multiclass", "classes": [*"abcdef"]})), np.random.default_rng(0)
    truth, output = rng.integers(0, 6, ROWS), rng.dirichlet(np.ones(6), ROWS).round(decimals)

    found = task.score(truth, output).measure()

    for k in (2, 3, 5):
        assert found[f"top_{k}_accuracy"] == pytest.approx(sk.top_k_accuracy_score(truth, output, k=k))


def test_weighted_metrics_of_numbers_equal_scikit_learns():
    task, rng = task_of(contract(TARGETS["a number"])).with_interval(1.0, 0.9), np.random.default_rng(0)
    truth, weight = rng.normal(size=ROWS), rng.integers(0, 4, ROWS).astype(float)
    value = truth + rng.normal(size=ROWS)

    found = task.score(truth, value).measure(weight)

    assert found["mae"] == pytest.approx(sk.mean_absolute_error(truth, value, sample_weight=weight))
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(truth, value, sample_weight=weight))
    assert found["r2"] == pytest.approx(sk.r2_score(truth, value, sample_weight=weight))
    drawn = np.repeat(np.abs(truth - value), weight.astype(int))
    assert found["median_absolute_error"] == pytest.approx(np.median(drawn))
    assert found["coverage"] == pytest.approx((drawn <= 1).mean())
    ends = [sk.mean_pinball_loss(truth, value + e, alpha=a, sample_weight=weight) for e, a in ((-1, 0.05), (1, 0.95))]
    assert found["pinball_loss"] == pytest.approx(np.mean(ends))
    assert found["interval_width"] == 2
    assert found["mape"] == pytest.approx(sk.mean_absolute_percentage_error(truth, value, sample_weight=weight))


def test_rows_whose_truth_is_zero_have_no_percentage_error():
    task = task_of(contract(TARGETS["a number"]))

    some, none = (task.score(np.array(y), np.array([1.0, 3.0])).measure() for y in ([0.0, 2.0], [0.0, 0.0]))

    assert some["mape"] == 0.5
    assert np.isnan(none["mape"])


@pytest.mark.slow
def test_an_interval_contains_the_stated_share_of_new_rows():
    data, frame = contract(TARGETS["a number"]), table(TARGETS["a number"])
    params = Train.model_validate({"model": "ridge"})
    half, fitted = interval.half_width(frame, data, params, 0.9), model.fit(frame, data, params)
    rng = np.random.default_rng(5)
    fresh = pd.DataFrame({"x": rng.normal(size=5000), "k": rng.choice(np.array(["a", "b", "c"], object), 5000)})
    truth = fresh["x"] + (fresh["k"] == "c") + rng.normal(0, 0.3, 5000)

    gap = np.abs(fitted.predict(inputs(fresh, data)) - truth)

    assert (gap <= half).mean() == pytest.approx(0.9, abs=0.04)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_copy_of_the_target_is_detected(target):
    task, frame = task_of(contract(target)), table(target)
    truth = task.truth(frame["y"])

    assert task.alone(pd.Series(truth.astype(float)), truth) == pytest.approx(1, abs=1e-9)
    assert task.alone(pd.Series(np.random.default_rng(0).permutation(truth).astype(float)), truth) < 0.8


@pytest.mark.parametrize(("label", "limit"), [("b", "most probable"), ("a", "most probable, not b")])
def test_an_easy_case_names_only_classes_that_are_most_probable_somewhere(label, limit):
    task = task_of(contract({"task": "multiclass", "classes": ["a", "b"]}))

    found = task.easy(np.array([[0.3, 0.7]]), Case(name="any", row={}, label=label))

    assert found == (0.7 if label == "b" else 0.3, label == "b", limit)


@pytest.mark.parametrize(("share", "sure"), [(0.85, True), (0.55, False), (0.45, False)])
def test_a_class_is_certain_only_above_one_half(share, sure):
    task = task_of(contract({"task": "multiclass", "classes": ["low", "mid", "top"]}))
    rest = (1 - share) / 2  # 0.45 leads the others by 0.175

    assert task.surely(np.array([[rest, share, rest]]), Case(name="mid", label="mid", row={}), 0.1) is sure
