"""Contributions of columns add up to the score of each row, for any estimator and any calibration curve."""

import numpy as np
import pytest

from ml.data.schema import inputs
from ml.io import files, tables
from ml.io.errors import UserError
from ml.model import explanation, model, model_file
from ml.settings.params import read_params
from ml.settings.train import Train
from ml.stages import report
from tests.conftest import SAMPLE
from tests.unit.test_tasks import TARGETS, contract, table

SMALL = {
    "random_forest": {"n_estimators": 5, "max_depth": 4},
    "hist_gradient_boosting": {"max_iter": 5},
    **{
        f"{library}{kind}": {"n_estimators": 5}
        for library in ("lightgbm.LGBM", "xgboost.XGB", "catboost.CatBoost")
        for kind in ("Classifier", "Regressor")
    },
}
SKLEARN = {
    "two classes": {
        **{f"sklearn.ensemble.{name}Classifier": {"n_estimators": 5} for name in ("ExtraTrees", "GradientBoosting")},
        "sklearn.tree.DecisionTreeClassifier": {"max_depth": 4},
        "sklearn.linear_model.LogisticRegressionCV": {"cv": 3},
    },
    "three classes": {
        "sklearn.ensemble.ExtraTreesClassifier": {"n_estimators": 5},
        "sklearn.tree.DecisionTreeClassifier": {"max_depth": 4},
    },
    "a number": {
        **{f"sklearn.ensemble.{name}Regressor": {"n_estimators": 5} for name in ("ExtraTrees", "GradientBoosting")},
        "sklearn.tree.DecisionTreeRegressor": {"max_depth": 4},
        **{f"sklearn.linear_model.{name}": {} for name in ("LinearRegression", "BayesianRidge")},
        "sklearn.linear_model.Lasso": {"alpha": 0.01},
    },
}
BUILT_IN = ["random_forest", "hist_gradient_boosting"]
CLASSIFIERS = [*BUILT_IN, "logistic_regression", *[name for name in SMALL if name.endswith("Classifier")]]
TARGET = {"a number": [*BUILT_IN, "ridge", *[name for name in SMALL if name.endswith("Regressor")]]}
TARGET["three classes"] = CLASSIFIERS
TARGET["two classes"] = ["random_forest", "logistic_regression"]
TARGET["a class that no row has"] = BUILT_IN
TARGET = {target: [*names, *SKLEARN.get(target, {})] for target, names in TARGET.items()}
SMALL |= {name: given for known in SKLEARN.values() for name, given in known.items()}
CASES = [pytest.param(t, name, id=f"{t}, {name}") for t, names in TARGET.items() for name in names]


@pytest.fixture
def built(customers, tmp_path, monkeypatch):
    """A model and its test rows, in the current folder."""
    monkeypatch.chdir(tmp_path)
    data = read_params(SAMPLE).data
    fitted = model.fit(customers, data, Train.model_validate({"model": "logistic_regression"}))
    files.write_bytes(model_file.dumps(fitted), files.MODEL / "model.skops")
    files.write_text(data.model_dump_json(), files.MODEL / "contract.json")
    tables.write_table(customers, files.TEST)


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """Contributions before rounding errors are spread, which could hide a wrong sum."""
    monkeypatch.setattr(explanation, "_summing_to", lambda wanted, found: found)


def explained(frame, data, **given):
    fitted = model.fit(frame, data, Train.model_validate({**SMALL, **given}))
    score = model.scores(fitted, frame, data)
    return explanation.explainer({"model.skops": model_file.dumps(fitted)}, data)(frame), score


@pytest.mark.slow
@pytest.mark.parametrize(("target", "name"), CASES)
def test_contributions_sum_to_the_predicted_score(target, name):
    data, frame = contract(TARGETS[target]), table(TARGETS[target])

    found, score = explained(frame, data, model=name)

    assert found.columns == ("x", "k")
    assert found.base + found.added.sum(axis=1) == pytest.approx(
        score if score.ndim == 1 else score.max(axis=1), abs=1e-5
    )
    assert target != "a number" or np.ptp(found.added[:, 0]) > np.ptp(found.added[:, 1]) > 0  # x matters more than k


@pytest.mark.parametrize("name", ["random_forest", "logistic_regression"])
@pytest.mark.parametrize("column", ["x", "k"])
def test_a_table_of_only_numbers_or_only_categories_is_explained(column, name):
    whole, frame = contract(TARGETS["two classes"]), table(TARGETS["two classes"])
    data = whole.model_copy(update={"columns": {column: whole.columns[column]}})

    found, score = explained(frame, data, model=name)

    assert found.columns == (column,)
    assert found.base + found.added.sum(axis=1) == pytest.approx(
        score if score.ndim == 1 else score.max(axis=1), abs=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("calibration", [None, "sigmoid", "isotonic"])
@pytest.mark.parametrize("name", ["random_forest", "logistic_regression", "xgboost.XGBClassifier"])
def test_contributions_sum_to_calibrated_scores_too(customers, name, calibration):
    data = read_params(SAMPLE).data
    found, score = explained(customers, data, model=name, calibration=calibration)

    one = found.rows()[0]

    assert one["base"] + sum(one["contributions"].values()) == pytest.approx(score[0], abs=1e-5)
    assert found.base + found.added.sum(axis=1) == pytest.approx(score, abs=1e-5)
    assert {*one["contributions"]} == {*data.columns}


@pytest.mark.slow
def test_the_contributions_of_a_forest_equal_shap_values_before_spreading(customers):
    data = read_params(SAMPLE).data
    fitted = model.fit(customers, data, Train.model_validate({**SMALL, "model": "random_forest"}))
    found = explanation.explainer({"model.skops": model_file.dumps(fitted)}, data)(customers.head(50))

    base, raw = explanation._raw(fitted[-1], np.empty(0))(fitted[:-1].transform(inputs(customers.head(50), data)))

    assert found.base == pytest.approx(np.full(50, base[0]))
    assert found.added[:, 0] == pytest.approx(raw[:, 0, 0], abs=1e-9)


@pytest.mark.slow
def test_a_model_without_an_explanation_gives_a_reason(customers):
    data = read_params(SAMPLE).data
    with pytest.raises(UserError, match="GaussianNB has no explanation"):
        explained(customers, data, model="sklearn.naive_bayes.GaussianNB")
    target = TARGETS["three classes"]
    with pytest.raises(UserError, match=r"leave train\.calibration out"):
        explained(table(target), contract(target), model="random_forest", calibration="sigmoid")


def test_rounding_errors_are_spread_by_size(monkeypatch):
    monkeypatch.undo()

    found = explanation._summing_to(np.array([1.0, 0.5]), np.array([[0.6, 0.3], [0.0, 0.0]]))

    assert found == pytest.approx(np.array([[2 / 3, 1 / 3], [0.25, 0.25]]))


def test_the_report_ranks_columns_by_the_mean_size_of_their_contributions(built):
    params = read_params(SAMPLE)

    points = report.contributions(params)["contributions"]

    sizes = [point["contribution"] for point in points]
    assert {point["column"] for point in points} == {*params.data.columns}
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0.05
    assert report.contributions(params)["contributions"] == points


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "shown"), [("", [{"column": "age", "contribution": 1.0}]), ("true", None)])
def test_contributions_of_the_same_model_and_rows_are_cached_except_in_ci(built, customers, monkeypatch, ci, shown):
    params = read_params(SAMPLE)
    true = report.contributions(params)["contributions"]
    kept = files.read_json(files.CONTRIBUTIONS)
    files.write_json({**kept, "contributions": [{"column": "age", "contribution": 1.0}]}, files.CONTRIBUTIONS)
    monkeypatch.setenv("CI", ci)

    again = report.contributions(params)["contributions"]
    tables.write_table(customers.tail(200), files.TEST)
    others = report.contributions(params)["contributions"]

    assert again == (shown or true)
    assert others != again
