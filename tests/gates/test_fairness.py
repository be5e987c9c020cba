"""The differences equal fairlearn's, and their intervals have the nominal coverage."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.gates import fairness, refused
from ml.gates.fairness import differences
from ml.tasks.group_rates import of_decisions
from tests.gates.crowds import divided
from tests.gates.world import good, params


def masks(group):
    return {level: group == level for level in np.unique(group)}


@pytest.mark.slow
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_both_differences_equal_fairlearns(seed, groups):
    fairlearn = pytest.importorskip("fairlearn.metrics", reason="pip install fairlearn: the reference of this test")
    rng = np.random.default_rng(seed)
    group = np.r_[np.arange(groups), np.arange(groups), rng.integers(0, groups, 300)]
    label = np.r_[np.zeros(groups), np.ones(groups), rng.integers(0, 2, 300)]  # both classes in every group
    decided = rng.random(len(group)) < 0.2 + 0.1 * group

    found = differences(of_decisions(decided, label == 1), masks(group), confidence=0.95)

    reference = {"y_true": label, "y_pred": decided.astype(int), "sensitive_features": group}
    assert found["demographic_parity"][0].value == pytest.approx(fairlearn.demographic_parity_difference(**reference))
    assert found["equalised_odds"][0].value == pytest.approx(fairlearn.equalized_odds_difference(**reference))


def test_the_interval_of_a_difference_agrees_with_a_published_example():
    """Agresti and Caffo, The American Statistician 54, 2000: with 2 added to each sample, 7 of 10 against 3 of 10."""
    group = np.repeat(["a", "b"], 10)
    decided = np.r_[np.ones(7), np.zeros(3), np.ones(3), np.zeros(7)].astype(bool)
    p, q = 8 / 12, 4 / 12
    half = 1.959964 * np.sqrt(p * (1 - p) / 12 + q * (1 - q) / 12)

    gap = differences(of_decisions(decided, np.tile([False, True], 10)), masks(group), 0.95)["demographic_parity"][0]

    assert (gap.low, gap.high) == pytest.approx((p - q - half, p - q + half), abs=1e-6)


@pytest.mark.slow
def test_groups_treated_alike_are_seldom_called_unfair():
    """All pairs of five groups together: at most 5 % of tables may have an interval that excludes 0."""
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(300):
        group, label = rng.integers(0, 5, 1000), rng.integers(0, 2, 1000)
        gaps = differences(of_decisions(rng.random(1000) < 0.3, label == 1), masks(group), 0.95)["demographic_parity"]
        wrong += any(gap.low > 0 for gap in gaps)

    assert wrong <= 0.08 * 300


def test_a_significant_difference_is_not_hidden_by_a_larger_one_of_a_small_group():
    rng = np.random.default_rng(1)
    region = np.r_[np.full(400, "a"), np.full(400, "b"), np.full(10, "c")]
    label = np.tile([0, 1], 405).astype("int8")
    score = np.where(region == "a", 0.3, 0.7) * (rng.random(810) < 0.5)
    score[:120] = 0.9
    score[-10:] = [0.9] * 6 + [0.1] * 4
    rule = {"columns": ["region"], "min_rows": 5, "equalised_odds": None}
    evidence = replace(
        good(), test=pd.DataFrame({"region": region}), label=label, score=score, params=params({"fairness": rule})
    )

    (verdict,) = refused(fairness.judge(evidence))

    assert "between region=b and a" in verdict.reason


def test_a_single_large_group_is_reported():
    settings = params({"fairness": {"columns": ["region"], "min_rows": 500}})

    verdicts = fairness.judge(replace(good(), params=settings))

    assert [(v.passed, v.severity) for v in verdicts] == [(False, "warning")]
    assert "no comparison is possible" in verdicts[0].reason


@pytest.mark.slow
def test_more_columns_do_not_refuse_equal_groups_more_often():
    """Eight columns, three rates: nominally 5 % of tables; 47 % when each column and rate had its own 5 %."""
    assert sum(bool(refused(fairness.judge(divided(1000, seed, 8, 0.0, {})))) for seed in range(40)) <= 6


def test_a_rate_among_rows_of_a_class_needs_enough_of_them():
    label, region = np.tile([0, 1], 200).astype("int8"), np.repeat(["a", "b"], [200, 200])
    label[200:] = 0
    label[200:210] = 1
    settings = params({"fairness": {"columns": ["region"]}})
    frame = pd.DataFrame({"region": region})

    verdicts = fairness.judge(replace(good(), test=frame, label=label, score=label * 1.0, params=settings))

    assert "false positive rate" in verdicts[1].reason
    assert "region=b (200 rows)" in verdicts[-1].reason
