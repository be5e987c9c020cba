import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap
from sklearn import metrics as reference

from ml.settings.evaluate import Evaluate
from ml.tasks import score_curves, score_rows
from tests.world.sample import ceiling, history, probability

THRESHOLD = 0.5


def sklearn(label, score, weight):
    """The same metrics from scikit-learn."""
    decided = score >= THRESHOLD
    kwargs = {"sample_weight": weight}
    return {
        "accuracy": reference.accuracy_score(label, decided, **kwargs),
        "balanced_accuracy": reference.balanced_accuracy_score(label, decided, **kwargs),
        "f1": reference.f1_score(label, decided, **kwargs, zero_division=0),
        "roc_auc": reference.roc_auc_score(label, score, **kwargs),
        "pr_auc": reference.average_precision_score(label, score, **kwargs),
        "log_loss": reference.log_loss(label, np.c_[1 - score, score], **kwargs),
        "brier": reference.brier_score_loss(label, score, **kwargs),
    }


@st.composite
def scored(draw):
    """Labels of both classes, scores with ties, whole weights with zeros."""
    size = draw(st.integers(4, 60))
    label = np.array([0, 1, *draw(st.lists(st.integers(0, 1), min_size=size - 2, max_size=size - 2))])
    score = np.array(draw(st.lists(st.integers(0, 20), min_size=size, max_size=size))) / 20
    weight = np.array([1, 1, *draw(st.lists(st.integers(0, 3), min_size=size - 2, max_size=size - 2))], dtype=float)
    return label, score, weight


@pytest.mark.slow
@given(scored())
@settings(max_examples=150)
def test_every_metric_equals_scikit_learns(sample):
    label, score, weight = sample
    rows = score_rows.rank(label, score, THRESHOLD)

    measured = score_rows.measure(rows, weight[rows.order])

    for name, value in sklearn(label, score, weight).items():
        assert measured[name] == pytest.approx(value, abs=1e-9), name


def test_the_calibration_error_is_the_mean_gap_weighted_by_rows():
    label, score = np.tile([0, 0, 1, 1], 100_000), np.tile([0.05, 0.05, 0.75, 0.95], 100_000)

    measured = score_rows.measure(score_rows.rank(label, score, THRESHOLD))

    assert measured["calibration_error"] == pytest.approx((2 * 0.05 + 0.25 + 0.05) / 4)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [200, 2000])
def test_the_calibration_error_of_true_probabilities_is_nearly_zero_in_small_samples(rows):
    values, wrong = [], 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        score = rng.beta(1, 3, rows)
        label = (rng.uniform(size=rows) < score).astype(int)
        found = score_rows.intervals(score_rows.rank(label, score, THRESHOLD), Evaluate(bootstrap=100), seed)
        values.append(found["calibration_error"]["value"])
        wrong += found["calibration_error"]["low"] > 0

    assert np.mean(values) < 0.3 / np.sqrt(rows)  # uncorrected: 0.8 / sqrt(rows)
    assert wrong <= 7  # 2.5 are expected


@pytest.mark.slow
def test_the_interval_of_the_calibration_error_contains_the_true_value():
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = rng.uniform(0.2, 0.6, 1000)
        label = (rng.uniform(size=1000) < truth).astype(int)
        found = score_rows.intervals(score_rows.rank(label, truth + 0.05, THRESHOLD), Evaluate(bootstrap=100), seed)
        held += found["calibration_error"]["low"] <= 0.05 <= found["calibration_error"]["high"]

    assert held >= 55


@pytest.mark.parametrize("label", [[0, 0, 0], [1, 1], [1], [0, 1], [0, 0, 1]])
@pytest.mark.parametrize("score", [0.0, 0.3, 1.0])
def test_rows_of_one_class_or_equal_scores_have_only_the_defined_metrics(label, score):
    rows = score_rows.rank(np.array(label), np.full(len(label), score), THRESHOLD)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = score_rows.intervals(rows, Evaluate(bootstrap=100))
        points = score_curves.curves(rows)

    both = 0 < sum(label) < len(label)
    assert (found["roc_auc"]["value"] is not None) == both
    assert all(found[name]["high"] is not None for name in ("accuracy", "brier", "log_loss", "calibration_error"))
    assert bool(points["roc"]) == both


def test_metrics_need_enough_rows_of_each_class():
    assert score_rows.enough(np.repeat([0, 1], [score_rows.FEWEST, score_rows.FEWEST]))
    assert not score_rows.enough(np.repeat([0, 1], [10_000, score_rows.FEWEST - 1]))
    assert score_rows.classes(np.array([0, 1, 0])) == "1 positive and 2 negative rows"


@pytest.mark.slow
def test_the_metrics_of_the_true_probabilities_reach_the_known_ceiling():
    frame = history(rows=2000)
    best = ceiling(frame)

    measured = score_rows.measure(
        score_rows.rank(frame["churned"].to_numpy().astype(int), probability(frame), THRESHOLD)
    )

    assert measured["accuracy"] == pytest.approx(best["accuracy"], abs=0.01)
    assert measured["roc_auc"] == pytest.approx(best["auc"], abs=0.01)
    assert measured["calibration_error"] < 0.02


@pytest.mark.slow
def test_intervals_have_their_nominal_coverage():
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(100):
        score = rng.uniform(size=300)
        label = (rng.uniform(size=300) < score).astype(int)
        found = score_rows.intervals(score_rows.rank(label, score, THRESHOLD), Evaluate(bootstrap=200), seed)
        held += found["accuracy"]["low"] <= 0.75 <= found["accuracy"]["high"]  # E max(p, 1 - p) of uniform p

    assert 88 <= held <= 100


@pytest.mark.slow
def test_an_interval_equals_scipys():
    rng = np.random.default_rng(4)
    score = rng.uniform(size=300)
    label = (rng.uniform(size=300) < score).astype(int)
    right = ((score >= THRESHOLD) == label).astype(float)

    found = score_rows.intervals(score_rows.rank(label, score, THRESHOLD), Evaluate(bootstrap=4000))["accuracy"]

    known = bootstrap((right,), np.mean, n_resamples=4000, method="percentile", rng=0).confidence_interval
    assert (found["low"], found["high"]) == pytest.approx(tuple(known), abs=0.004)


@pytest.mark.slow
def test_intervals_are_the_same_each_time():
    rng = np.random.default_rng(1)
    score = rng.uniform(size=200)
    rows = score_rows.rank((rng.uniform(size=200) < score).astype(int), score, THRESHOLD)

    assert score_rows.intervals(rows, Evaluate()) == score_rows.intervals(rows, Evaluate())


def test_the_curves_have_the_correct_end_points():
    rng = np.random.default_rng(2)
    score = rng.uniform(size=500)
    rows = score_rows.rank((rng.uniform(size=500) < score).astype(int), score, THRESHOLD)

    curves = score_curves.curves(rows)

    assert (curves["roc"][0], curves["roc"][-1]) == ({"fpr": 0, "tpr": 0}, {"fpr": 1, "tpr": 1})
    assert curves["precision_recall"][-1]["recall"] == 1
    assert sum(c["rows"] for c in curves["confusion"]) == sum(c["rows"] for c in curves["calibration"]) == 500
    assert len(curves["roc"]) <= 100


def test_the_confusion_counts_agree_with_scikit_learn():
    rng = np.random.default_rng(3)
    label, score = rng.integers(0, 2, 200), rng.uniform(size=200)

    cells = {
        (c["actual"], c["predicted"]): c["rows"] for c in score_curves.confusion(score_rows.rank(label, score, 0.3))
    }

    (tn, fp), (fn, tp) = reference.confusion_matrix(label, score >= 0.3)
    assert cells == {
        ("positive", "positive"): tp,
        ("positive", "negative"): fn,
        ("negative", "positive"): fp,
        ("negative", "negative"): tn,
    }
