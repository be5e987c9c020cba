"""How many independent rows dependent ones are worth."""

import numpy as np
import pandas as pd
import pytest

from ml.monitoring.dependence import design_effect, groups


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
def test_what_shows_nothing_counts_in_full(values):
    assert design_effect(values, groups(pd.DataFrame(index=range(len(values))))) == 1
