"""The number of independent rows that dependent rows are worth."""

import numpy as np
import pandas as pd
import pytest

from ml.monitoring.dependence import _level, _lost, design_effect, groups


def estimated(values, **columns):
    return design_effect(values, groups(pd.DataFrame({"x": values, **columns}), "house"))


def test_independent_rows_count_in_full():
    found = [estimated(np.random.default_rng(seed).normal(size=500)) for seed in range(20)]

    assert np.median(found) == 1


@pytest.mark.parametrize("column", ["house", "features.house"])  # a column beside the features, or one of them
@pytest.mark.parametrize("order", ["together", "scattered"])
def test_ten_equal_rows_count_as_about_one(order, column):
    rng, house = np.random.default_rng(0), np.repeat(np.arange(50), 10)
    house = rng.permutation(house) if order == "scattered" else house

    assert 8 < estimated(rng.normal(size=50)[house], **{column: house}) < 50


@pytest.mark.parametrize("values", [np.ones(500), np.array([]), np.array([1.0]), np.zeros((0, 0)), np.arange(4.0)])
def test_rows_without_a_sign_of_dependence_count_in_full(values):
    assert design_effect(values, groups(pd.DataFrame(index=range(len(values))))) == 1


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_window_with_a_shifted_part_counts_in_full(share):
    moved = np.arange(1000) >= 1000 * (1 - share)
    found = [estimated(np.random.default_rng(seed).normal(size=1000) + moved) for seed in range(20)]

    assert np.median(found) == 1


def test_a_shift_between_two_batches_is_no_dependence_within_their_requests():
    request, moved = np.repeat(np.arange(8), 1000), np.arange(8000) >= 4000

    normal = [np.random.default_rng(seed).normal(size=8000) for seed in range(20)]
    found = [estimated(values + 0.5 * moved, request_id=request) for values in normal]

    assert np.median(found) == 1


def test_days_that_differ_at_random_do_not_count_in_full():
    day = np.repeat(np.arange(30), 100)
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found.append(estimated(rng.normal(size=3000) + 0.3 * rng.normal(size=30)[day]))

    assert np.median(found) > 1 + 100 * 0.3**2


@pytest.mark.slow
def test_the_largest_step_explains_the_expected_share():
    for count in (5, 10, 22, 60):
        sums = np.random.default_rng(0).normal(size=(2000, count))
        sums -= sums.mean(axis=1, keepdims=True)
        explained = [_level(one[:, None], np.ones(count))[1] for one in sums]

        assert np.mean(explained) == pytest.approx(_lost(count), abs=0.3)
