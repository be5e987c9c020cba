from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from ml.gates import refused
from ml.gates.calibration import judge, narrowed
from ml.settings.gates import Bound
from ml.tasks.calibration_figures import bias, of_scores, slope
from tests.gates.world import good, log_odds, probability


def drawn(factor, rows=20_000, shift=0.0):
    """Labels drawn from true probabilities, and scores whose log odds are `factor` times the true ones."""
    rng = np.random.default_rng(0)
    odds = rng.normal(-1, 1.5, rows)
    return (rng.random(rows) < probability(odds)).astype(float), probability(factor * odds + shift)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_slope_is_one_over_the_exaggeration(factor):
    found = slope(*drawn(factor), confidence=0.99)

    assert found["low"] < 1 / factor < found["high"]


def test_the_slope_is_that_of_an_unpenalised_logistic_regression():
    label, score = drawn(1.7, rows=3000)
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(log_odds(score).reshape(-1, 1), label)

    assert slope(label, score, 0.95)["value"] == pytest.approx(reference.coef_[0, 0], abs=1e-5)


@pytest.mark.slow
def test_the_interval_of_the_slope_is_that_of_statsmodels():
    statsmodels = pytest.importorskip("statsmodels.api", reason="pip install statsmodels: the reference of this test")
    label, score = drawn(1.3, rows=2000)
    fitted = statsmodels.Logit(label, statsmodels.add_constant(log_odds(score))).fit(disp=0)

    found = slope(label, score, 0.95)

    assert (found["low"], found["high"]) == pytest.approx(tuple(fitted.conf_int(0.05)[1]), abs=1e-5)


def test_the_bias_is_the_mean_score_less_the_share_of_positive_rows():
    label, score = drawn(1.0, shift=0.5)

    found = bias(label, score, 0.95)

    assert found["value"] == pytest.approx(score.mean() - label.mean())
    assert 0 < found["low"] < found["value"] < found["high"]


@pytest.mark.slow
@given(st.lists(st.sampled_from([0.0, 1e-12, 0.3, 0.5, 1.0]), min_size=20, max_size=40))
def test_scores_of_zero_and_one_and_equal_scores_are_judged(scores):
    label = np.tile([0.0, 1.0], len(scores))[: len(scores)]

    found = slope(label, np.array(scores), 0.95)

    assert all(np.isfinite(list(found.values())))


def test_the_limits_of_the_bias_are_tighter_for_a_rare_class():
    stated = Bound(min=-0.05, max=0.05)

    assert of_scores(np.repeat([1, 0], [30, 70]), np.full(100, 0.3), 0.95)[1].widest == pytest.approx(0.15)
    assert narrowed(stated, 0.15) == stated
    assert narrowed(
        stated, of_scores(np.repeat([1, 0], [10, 990]), np.full(1000, 0.1), 0.95)[1].widest
    ).max == pytest.approx(0.005)
    assert narrowed(
        stated, of_scores(np.repeat([1, 0], [990, 10]), np.full(1000, 0.1), 0.95)[1].widest
    ).min == pytest.approx(-0.005)
    assert narrowed(Bound(max=0.05), 0.005).min is None


@pytest.mark.slow
def test_the_truth_is_seldom_refused_in_small_samples():
    """Slope (too low) and bias (both directions) each refuse 2.5 %, for any limits."""
    wrong = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        truth = probability(rng.normal(-2, 0.7, 400))
        label = (rng.random(400) < truth).astype("int8")
        wrong += bool(refused(judge(replace(good(), label=label, score=truth))))

    assert wrong <= 12  # the limits alone refuse 24


def test_scores_five_times_too_high_are_refused_where_one_percent_is_positive():
    rng = np.random.default_rng(0)
    label = (rng.random(5000) < 0.01).astype("int8")

    found = {v.gate: v for v in judge(replace(good(), label=label, score=rng.uniform(0.03, 0.07, 5000)))}

    assert found["calibration bias"].value < 0.05
    assert not found["calibration bias"].passed
    assert found["calibration bias"].severity == "critical"
