"""Two more targets for the customers of the sample world, with known truth: a class and a number.

`next_plan` is the plan of the following month, `next_hours` the hours used in it. Both change with discounts from month
18 on, as churn does. No table with them is in the repository: `python -m tests.world.sample --target next_plan`.
"""

import math

import numpy as np
import pandas as pd

from tests.world.schedule import month_of, setting

PLANS = ("basic", "standard", "premium", "enterprise")
SHAPE = 16.0  # of the gamma noise of the hours: its standard deviation is a quarter of the mean


def plan_probabilities(frame: pd.DataFrame) -> np.ndarray:
    """Return each row's true probabilities of the plans in `PLANS`, a column each.

    Most customers keep their plan. Who uses much, or is new and satisfied, moves up; high prices and tickets that did
    not end well push down.
    """
    satisfaction = frame["satisfaction"].fillna(5)
    wanted = (
        0.9 * np.log(frame["usage_hours"].clip(1) / 20)
        + 0.5 * (frame["tenure_months"] < 12) * (satisfaction - 5) / 2.5
        - 0.8 * np.minimum(frame["support_tickets"], 3) * (satisfaction < 6) / 2
        - 0.15 * setting("discount", month_of(frame)) * frame["discount_share"]
        + 1.0
    ).to_numpy()
    places = np.arange(len(PLANS))
    kept = frame["plan"].to_numpy()[:, None] == np.array(PLANS)
    odds = -1.2 * (wanted[:, None] - places) ** 2 + 3.0 * kept
    p = np.exp(odds - odds.max(axis=1, keepdims=True))
    # Whatever the columns say, one in fifty takes any plan.
    return 0.02 / len(PLANS) + 0.98 * p / p.sum(axis=1, keepdims=True)


def mean_hours(frame: pd.DataFrame) -> np.ndarray:
    """Return each row's true mean of the hours used in the following month."""
    away = np.minimum(frame["days_since_login"] / 30, 2)
    bored = (frame["satisfaction"].fillna(5) < 5) & (frame["support_tickets"] > 1)
    factor = np.exp(
        -0.7 * away
        - 0.4 * bored
        + 0.3 * (frame["tenure_months"] < 6)
        - 0.2 * (frame["channel"] == "ads")
        - 0.15 * setting("discount", month_of(frame)) * frame["discount_share"]
    )
    return (4 + np.minimum(frame["usage_hours"], 150) * factor).to_numpy()


def plans(frame: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Draw the plan of the following month."""
    below = plan_probabilities(frame).cumsum(axis=1)[:, :-1] < rng.random(len(frame))[:, None]
    return np.array(PLANS)[below.sum(axis=1)]


def hours(frame: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Draw the hours of use in the following month."""
    return np.round(mean_hours(frame) * rng.gamma(SHAPE, 1 / SHAPE, len(frame)), 2)


def plan_ceiling(frame: pd.DataFrame) -> dict[str, float]:
    """Return the accuracy and log loss that a model which knows the true probabilities expects on these customers."""
    p = plan_probabilities(frame)
    return {"accuracy": float(p.max(axis=1).mean()), "log_loss": float(-(p * np.log(p)).sum(axis=1).mean())}


def hours_ceiling(frame: pd.DataFrame) -> dict[str, float]:
    """Return the MAE, RMSE and R² that a model which knows the true means expects on these customers."""
    mean = mean_hours(frame)
    deviation = 2 * math.exp(SHAPE * math.log(SHAPE) - SHAPE - math.lgamma(SHAPE + 1))  # of the noise, times the mean
    noise = np.mean(mean**2) / SHAPE
    return {
        "mae": float(deviation * mean.mean()),
        "rmse": float(np.sqrt(noise)),
        "r2": float(np.var(mean) / (np.var(mean) + noise)),
    }


DRAWN = {"next_plan": plans, "next_hours": hours}
