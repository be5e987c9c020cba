"""Limits derived from a table also fit later rows of the same distribution, and are not too wide."""

import numpy as np
import pandas as pd
import pytest

from ml.adoption.proposed_limits import limits

WORLDS = {
    "lognormal": lambda rng, n: rng.lognormal(3, 1, n),
    "Pareto": lambda rng, n: 1 + rng.pareto(1.5, n),
    "exponential": lambda rng, n: rng.exponential(0.2, n),
    "gamma": lambda rng, n: rng.gamma(2, 10, n),
    "normal": lambda rng, n: rng.normal(3, 1, n),
    "uniform": lambda rng, n: rng.random(n),
    "count": lambda rng, n: rng.negative_binomial(0.5, 0.1, n),
    "rare count": lambda rng, n: rng.poisson(0.05, n),
}


@pytest.mark.parametrize("name", WORLDS)
def test_the_next_ten_thousand_rows_keep_the_hard_limits(name):
    broken = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found, later = limits(pd.Series(WORLDS[name](rng, 200))), WORLDS[name](rng, 10_000)
        low, high = found.get("min", -np.inf), found.get("max", np.inf)
        broken += later.min() < low or later.max() > high

    assert broken == 0


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([True, False], {"min": 0, "max": 1}),
        ([0, 1] * 50, {"min": 0, "max": 1}),
        ([0] * 99 + [1], {"min": 0, "usual": {"max": 1}}),
        (range(200), {"min": 0, "usual": {"max": 500}}),
        (range(-200, 1), {"max": 0, "usual": {"min": -500}}),
        (np.linspace(0, 1, 200), {"min": 0, "max": 1}),
        (np.linspace(-3, 3, 200), {"usual": {"min": -5, "max": 5}}),
    ],
    ids=["booleans", "flag", "rare flag", "count", "never positive", "share", "both signs"],
)
def test_limits_implied_by_the_kind_of_column_are_hard(column, expected):
    assert limits(pd.Series(column)) == expected
