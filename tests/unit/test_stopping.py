"""Early stopping on held-back training rows, and constraints on named columns."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from ml.io.errors import UserError
from ml.model import model, model_file
from ml.model.compiled import compiled
from ml.model.compiled_parity import served
from ml.model.predictor import from_files
from ml.settings.params import read_params
from ml.settings.train import Train
from tests.conftest import SAMPLE
from tests.unit.test_own_estimators import settings, table

DATA = read_params(SAMPLE).data
CONSTRAINT = {
    "random_forest": "monotonic_cst",
    "hist_gradient_boosting": "monotonic_cst",
    "lightgbm.LGBMClassifier": "monotone_constraints",
    "xgboost.XGBClassifier": "monotone_constraints",
    "catboost.CatBoostClassifier": "monotone_constraints",
}
ROUNDS = {"hist_gradient_boosting": "max_iter"}


def fitted(frame, name, given, **more):
    return model.fit(frame, DATA, Train.model_validate({"model": name, name: given, **more}))


def rounds(estimator):
    """The number of trees in the stored model."""
    if not hasattr(estimator, "library"):
        return estimator.n_iter_
    if estimator.library == "lightgbm":
        return estimator.text.count("\nTree=")
    said = json.loads(estimator.text)
    if estimator.library == "catboost":
        return len(said["oblivious_trees"])
    return len(said["learner"]["gradient_booster"]["model"]["trees"])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CONSTRAINT if name != "random_forest"])
def test_boosting_stops_early_and_is_stored_and_compiled_with_its_trees(customers, name):
    given = {ROUNDS.get(name, "n_estimators"): 150, "learning_rate": 0.3}

    found = fitted(customers, name, given, early_stopping=3)

    assert 1 <= rounds(found["estimator"]) < 100
    loaded = model_file.loads(model_file.dumps(found))
    expected = model.scores(loaded, customers, DATA)
    assert served(from_files(compiled(loaded)), customers, DATA) == pytest.approx(expected, abs=1e-6)


def test_early_stopping_of_another_estimator_is_refused(customers):
    with pytest.raises(UserError, match="random_forest does not support it"):
        fitted(customers, "random_forest", {}, early_stopping=3)


@pytest.mark.parametrize("name", ROUNDS | {"lightgbm.LGBMClassifier": ""})
def test_too_few_rows_for_early_stopping_are_named(customers, name):
    with pytest.raises(UserError, match=r"the rows held back lack a class\. Raise train\.held_back"):
        fitted(customers.head(60), name, {}, early_stopping=3, held_back=0.0001)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONSTRAINT)
def test_a_constraint_on_a_named_column_is_enforced(customers, name):
    size = {ROUNDS.get(name, "n_estimators"): 10}
    found = fitted(customers, name, {**size, CONSTRAINT[name]: {"late_payments": -1, "usage_hours": 1}})
    more = customers.assign(late_payments=customers["late_payments"] + 2)

    moved = model.scores(found, more, DATA) - model.scores(found, customers, DATA)

    assert moved.max() <= 1e-9
    assert np.ptp(model.scores(found, customers, DATA)) > 0.1
    with pytest.raises((UserError, ValidationError), match="late_payments"):
        fitted(customers, name, {CONSTRAINT[name]: {"late_payments": 2}})
    with pytest.raises(UserError, match="did you mean `late_payments`"):
        fitted(customers, name, {CONSTRAINT[name]: {"late_payment": 1}})


@pytest.mark.parametrize(("share", "remedy"), [(0.0001, "0 of 60 training rows .* Raise it"), (0.9999, "Lower it")])
def test_a_number_needs_rows_on_both_sides(share, remedy):
    params = settings("regression", model="lightgbm.LGBMRegressor", early_stopping=3, held_back=share)

    with pytest.raises(UserError, match=remedy):
        model.fit(table("regression"), params.data, params.train)
