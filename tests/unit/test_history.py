"""The report shows the history of the training: threshold, out-of-bag score, learning curve."""

import numpy as np
import pytest

from ml.model import model
from ml.model.history import Chosen, TrainingRecord, Watch
from ml.reports import page, training
from ml.settings.params import read_params
from ml.settings.train import Train
from tests.conftest import SAMPLE

DATA = read_params(SAMPLE).data
CURVES = {  # what is set, and whose loss is known
    "hist_gradient_boosting": ({"max_iter": 300}, {"early_stopping": 5}, {"train", "held"}),
    "sklearn.ensemble.GradientBoostingClassifier": ({"n_estimators": 5}, {}, {"train"}),
    "lightgbm.LGBMClassifier": ({"n_estimators": 300}, {"early_stopping": 5}, {"held"}),
    "xgboost.XGBClassifier": ({"n_estimators": 300}, {"early_stopping": 5}, {"held"}),
    "catboost.CatBoostClassifier": ({"iterations": 20}, {}, {"train"}),
}


def watched(frame, name, given, **more):
    watch = Watch()
    fitted = model.fit(frame, DATA, Train.model_validate({"model": name, name: given, **more}), "", watch.see)
    return fitted, watch


@pytest.mark.slow
@pytest.mark.parametrize("name", CURVES)
def test_a_boosting_has_its_learning_curve_in_the_report(customers, name):
    given, more, sides = CURVES[name]

    _, watch = watched(customers, name, given, **more)

    points = watch.curve.points
    assert {*points[-1]} == {"round", *sides}
    assert 0 < watch.curve.rounds <= points[-1]["round"] < 300
    assert points[-1][min(sides)] < points[0][min(sides)]
    record = TrainingRecord(curve=watch.curve).plain()
    assert f"The model keeps {watch.curve.rounds} rounds of boosting. Loss" in training.section(record)
    assert "xychart-beta" in training.section(record)
    assert "Learning curve" in page.plots({"learning": points})


@pytest.mark.slow
def test_a_forest_reports_its_out_of_bag_score_and_stores_no_number_per_row(customers):
    fitted, watch = watched(customers, "random_forest", {"n_estimators": 30, "oob_score": True})

    assert 0.7 < watch.out_of_bag["accuracy"] < 1
    assert not hasattr(fitted.steps[-1][1], "oob_decision_function_")
    said = training.section(TrainingRecord(out_of_bag=watch.out_of_bag).plain())
    assert f"Out-of-bag score of the forest: accuracy {watch.out_of_bag['accuracy']:.4f}" in said


def test_the_report_says_how_the_threshold_was_chosen_and_what_it_costs():
    chosen = Chosen(
        threshold=0.25, rule={"false_negative": 5.0}, folds=5, rows=960, precision=0.5, recall=0.9, cost=0.2, given=0.5,
        given_cost=0.35,
    )  # fmt: skip

    said = training.section(TrainingRecord(threshold=chosen).plain())

    assert "`train.threshold` (false negative 5) chose the threshold on 960 training rows" in said
    assert "a model of the rows outside its fold, which is one of 5" in said
    assert "| chosen | 0.2500 | 0.2000 | 0.500 | 0.900 |" in said
    assert "| evaluate.threshold | 0.5000 | 0.3500 |" in said


def test_training_without_a_history_has_no_section(customers):
    _, watch = watched(customers, "logistic_regression", {})

    assert training.section(TrainingRecord(curve=watch.curve, out_of_bag=watch.out_of_bag).plain()) == ""
    assert training.section(None) == ""


def test_a_curve_keeps_its_ends_in_a_hundred_points():
    class Boosting:
        train_score_ = np.linspace(1, 0, 1000)

    watch = Watch()

    watch.see(Boosting())

    assert len(watch.curve.points) == 100
    assert [watch.curve.points[end]["round"] for end in (0, -1)] == [1, 1000]
