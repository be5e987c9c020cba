"""Calibration on held-back rows, and a threshold chosen on folds of the training rows."""

import numpy as np
import pytest

from ml.io import files
from ml.io.errors import UserError
from ml.model import curves, decision, model, model_file, shipped
from ml.model.compiled import compiled
from ml.model.compiled_parity import served
from ml.model.model_contract import CONTRACT, Contract, decided_by, read_contract, settled
from ml.model.predictor import from_files
from ml.settings.params import read_params
from ml.settings.train import Decide, Train
from ml.settings.yaml_reading import check
from ml.tasks import chosen_cut
from ml.tasks.choose import task_of
from tests.conftest import SAMPLE
from tests.unit.test_tasks import TARGETS, contract, table

PARAMS = read_params(SAMPLE)
BALANCED = {"model": "logistic_regression", "logistic_regression": {"class_weight": "balanced"}}  # scores too high


def settings(**given):
    return Train.model_validate({"random_forest": {"n_estimators": 20, "min_samples_leaf": 20}, **given})


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibrated_scores_are_closer_to_the_truth_and_compiled_like_the_model(customers, method):
    bare, fitted = (model.fit(customers, PARAMS.data, settings(**BALANCED, calibration=c)) for c in (None, method))
    forest = model_file.loads(model_file.dumps(model.fit(customers, PARAMS.data, settings(calibration=method))))
    task = task_of(PARAMS.data)
    truth = task.truth(customers[PARAMS.data.target.name])

    biases = [float(np.mean(model.scores(one, customers, PARAMS.data) - truth)) for one in (bare, fitted)]

    assert biases[0] > 0.1
    assert abs(biases[1]) < 0.03
    expected = model.scores(forest, customers, PARAMS.data)
    assert served(from_files(compiled(forest)), customers, PARAMS.data) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("target", ["three classes", "two classes"])
def test_several_classes_are_calibrated_each_and_sum_to_one(target):
    data, frame = contract(TARGETS[target]), table(TARGETS[target])
    fitted = model.fit(frame, data, settings(calibration="sigmoid"))
    described = Contract(project="p", threshold=0.5, data=data).model_dump_json().encode()

    score = model.scores(fitted, frame, data)

    assert score.sum(axis=1) == pytest.approx(1)
    assert served(from_files(compiled(fitted) | {CONTRACT: described}), frame, data) == pytest.approx(score, abs=1e-9)


def test_rows_with_zero_for_every_class_get_equal_probabilities():
    steps = [{"x": np.array([0.5, 0.6]), "y": np.array([0.0, 1.0])}] * 3

    assert curves.calibrated(np.array([[0.3, 0.3, 0.4]]), steps) == pytest.approx(1 / 3)


def test_numbers_and_too_few_rows_are_not_calibrated(customers):
    data = contract(TARGETS["a number"])
    with pytest.raises(UserError, match="a number has no scores"):
        model.fit(table(TARGETS["a number"]), data, settings(calibration="sigmoid"))
    with pytest.raises(UserError, match=r"Raise train\.held_back"):
        model.fit(customers.head(60), PARAMS.data, settings(calibration="sigmoid"))


def brute(truth, score, lost):
    """The smallest loss over all thresholds, each computed."""
    return min(lost(score >= cut, truth) for cut in [*np.unique(score), 2.0])


def test_the_threshold_minimises_cost_or_meets_the_requirement():
    rng = np.random.default_rng(3)
    score = rng.beta(2, 3, 400).round(2)
    truth = (rng.random(400) < score).astype(int)

    def cost(decided, truth):
        return 1.0 * (decided & (truth == 0)).sum() + 5.0 * (~decided & (truth == 1)).sum()

    cheap = chosen_cut.best(truth, score, Decide(false_positive=1.0, false_negative=5.0))
    precise = score >= chosen_cut.best(truth, score, Decide(precision=0.7))
    found = score >= chosen_cut.best(truth, score, Decide(recall=0.8))
    tighter = score >= np.unique(score)[np.searchsorted(np.unique(score), score[found].min()) + 1]

    assert cost(score >= cheap, truth) == brute(truth, score, cost)
    assert truth[precise].mean() >= 0.7
    assert truth[found].sum() >= 0.8 * truth.sum() > truth[tighter].sum()
    with pytest.raises(UserError, match="no threshold reaches a precision"):
        chosen_cut.best(1 - truth, score, Decide(precision=0.99))


@pytest.mark.slow
def test_the_chosen_threshold_is_in_the_contract_and_the_inputs_of_later_stages(customers, tmp_path):
    params = PARAMS.model_copy(update={"train": settings(threshold={"false_negative": 5.0})})

    chosen = decision.chosen(customers, params.data, params.train, params.evaluate)
    found = decided_by(params, chosen)
    content = shipped.contract_of(found, customers)
    files.write_bytes(content, tmp_path / CONTRACT)

    assert chosen.cost <= chosen.given_cost
    assert chosen.folds == 5
    assert chosen.rule == {"false_negative": 5.0}
    assert found.evaluate.threshold < 0.35  # by theory at 1/6
    assert read_contract({CONTRACT: content}).chosen == Decide(false_negative=5.0)
    assert settled(params, tmp_path).evaluate.threshold == found.evaluate.threshold
    assert b"chosen" not in shipped.contract_of(PARAMS, customers)


@pytest.mark.parametrize("rule", [{}, {"precision": 0.8, "recall": 0.8}, {"recall": 0.8, "false_positive": 2.0}])
def test_one_rule_chooses_the_threshold(rule):
    with pytest.raises(UserError, match="set one of these"):
        check(Train, {"threshold": rule})
