"""The statistics of monitoring equal those of scipy and of worked examples."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from ml.model.distributions import POINTS, of_levels, of_numbers
from ml.monitoring.drift_tests import chi_square, gone, holm, kolmogorov_smirnov, new, pooled, rise, unseen

SAMPLES = arrays.arrays("float64", st.integers(2, 60), elements=st.integers(-5, 5).map(float))


def levels(**counts):
    return of_levels(pd.Series([name for name, count in counts.items() for _ in range(count)], dtype="object"))


@given(SAMPLES, SAMPLES)
def test_the_distance_is_exact_if_the_reference_contains_every_value(before, after):
    found = kolmogorov_smirnov(of_numbers(pd.Series(before)), np.sort(after))

    expected = stats.ks_2samp(before, after, method="asymp")
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
def test_the_distance_for_long_references_is_never_too_large_and_hardly_too_small(shift):
    rng = np.random.default_rng(0)
    before, after = rng.lognormal(0, 1, 20_000), rng.lognormal(shift, 1, 3_000)
    before[:4_000] = 0.0  # a spike of ties beside the continuous part

    found = kolmogorov_smirnov(of_numbers(pd.Series(before)), np.sort(after)).statistic

    exact = stats.ks_2samp(before, after).statistic
    assert exact - 1 / (POINTS - 1) - 1e-9 <= found <= exact


def test_homogeneity_is_the_chi_square_test_of_both_samples():
    found = chi_square(levels(a=50, b=30, c=20), levels(a=20, b=40, c=40))

    # Row totals are equal, so each level is expected (35, 35), (35, 35), (30, 30):
    assert found.statistic == pytest.approx(2 * (15**2 / 35 + 5**2 / 35 + 10**2 / 30))
    assert found.p == pytest.approx(stats.chi2_contingency([[50, 30, 20], [20, 40, 40]]).pvalue)
    assert found.effect == pytest.approx(0.3)


def test_rare_levels_are_pooled_until_each_has_enough_rows():
    # The window is an eleventh of the rows: levels of 2, 4 and 35 rows are expected to give it 0.2, 0.4 and 3.2.
    apart = pooled(np.array([[500.0, 400.0, 2.0, 33.0, 65.0], [50.0, 42.0, 0.0, 2.0, 6.0]]))
    together = pooled(np.array([[500.0, 460.0, 2.0, 3.0, 35.0], [50.0, 49.0, 0.0, 1.0, 0.0]]))

    assert apart.tolist() == [[100.0, 400.0, 500.0], [8.0, 42.0, 50.0]]  # the three alone would be 3.4: one more joins
    assert together.tolist() == [[500.0, 500.0], [50.0, 50.0]]


def test_the_distance_uses_all_rows_also_if_they_are_dependent():
    before, after = levels(a=500, b=300, c=200), levels(a=200, b=400, c=400)

    fewer, hardly = chi_square(before, after, 10.0), chi_square(before, after, 150.0)

    assert (fewer.effect, hardly.effect) == pytest.approx((0.3, 0.3))
    assert fewer.p == pytest.approx(stats.chi2_contingency([[50, 30, 20], [20, 40, 40]]).pvalue)
    assert hardly.p == 1


def test_a_single_level_cannot_shift():
    assert chi_square(levels(a=50), levels(a=10)).p == 1
    assert chi_square(levels(a=50), levels()).p == 1


def test_a_new_and_a_vanished_level_are_named_largest_first():
    before, after = levels(a=50, b=30, c=20), levels(a=20, d=3, e=7)

    assert [*gone(before, after).items()] == [("b", 0.3), ("c", 0.2)]
    assert [*new(before, after).items()] == [("e", 7), ("d", 3)]


def test_a_rise_is_tested_by_fishers_exact_test():
    found = rise((1, 10), (8, 10))

    # Of all tables with these margins, those with at least 8 of the 9 in the second sample: (450 + 10) / 167,960.
    assert found.p == pytest.approx(460 / 167_960)
    assert found.effect == pytest.approx(0.7)
    assert rise((8, 10), (1, 10)).p > 0.99


def test_holm_multiplies_by_the_number_of_tests_left():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


@pytest.mark.slow
def test_levels_seen_once_estimate_the_rate_of_new_ones():
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, 61) ** 1.6
    draws = [rng.choice(60, 1000, p=share / share.sum()).astype(str) for _ in range(200)]

    expected = [unseen(of_levels(pd.Series(rows[:500], dtype="object"))) for rows in draws]

    happened = [(~np.isin(rows[500:], rows[:500])).sum() for rows in draws]
    assert np.mean(expected) == pytest.approx(np.mean(happened), rel=0.1)
    assert unseen(levels(a=5, b=1, c=1)) == 2


@pytest.mark.parametrize(("ours", "theirs"), [(9, 1), (9, 0), (0, 9), (2, 1)])
def test_rounding_by_a_client_is_no_drift(ours, theirs):
    rng = np.random.default_rng(0)
    before, after = (np.round(rng.normal(5, 1.5, 3_000), digits) for digits in (ours, theirs))

    assert kolmogorov_smirnov(of_numbers(pd.Series(before)), np.sort(after)).p > 0.01
    assert kolmogorov_smirnov(of_numbers(pd.Series(before)), np.sort(after + 1)).p < 1e-6


def test_values_converted_through_float32_are_equal():
    before = np.arange(0, 20, 0.1).round(1)

    assert kolmogorov_smirnov(of_numbers(pd.Series(before)), before.astype("float32").astype("float64")).statistic == 0


@pytest.mark.parametrize("written", [lambda v: v.astype("float32").astype("float64"), lambda v: np.round(v, 15)])
def test_the_last_digits_of_a_number_are_no_drift(written):
    before = np.array([-0.044641636506989144, 0.05068011873981862] * 200)

    found = kolmogorov_smirnov(of_numbers(pd.Series(before)), np.sort(written(before)))

    assert (written(before) != before).any()
    assert found.statistic == 0


def test_a_small_shift_of_numbers_far_from_zero_counts():
    before = 1e9 + np.random.default_rng(0).random(500)

    assert kolmogorov_smirnov(of_numbers(pd.Series(before)), np.sort(before + 0.5)).statistic > 0.4
