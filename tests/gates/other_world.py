"""The small world of the gates with a target of three classes, or a number."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from ml.gates import Evidence
from ml.settings.params import Params
from tests.gates import world

TARGETS = {
    "multiclass": {"name": "wish", "task": "multiclass", "classes": ["less", "same", "more"]},
    "regression": {"name": "bill", "task": "regression"},
}
LIMITS = {"multiclass": {"macro_f1": {"min": 0.5}}, "regression": {"r2": {"min": 0.6}, "coverage": {"min": 0.85}}}
METRIC = {"multiclass": "roc_auc", "regression": "mae"}
MODEL = {"multiclass": "logistic_regression", "regression": "ridge"}
EASY = {"multiclass": {"label": "less"}, "regression": {"max": 80}}
OF = {"multiclass": {"of": "more"}, "regression": {}}


def params(kind: str, gates: dict[str, Any] | None = None) -> Params:
    """The settings for this table, with other values for some gates."""
    data = {"file": "data/small.csv", "id": "id", "target": TARGETS[kind], "columns": world.NUMBERS | world.LEVELS}
    gap = {"multiclass": 0.05, "regression": 0.08}[kind]  # of a number, a share of the champion's error
    behaviour = {
        "rows": 200,
        "invariance": [{"column": "region", "max_change": 0.05}],
        "direction": [{"column": "usage", "by": 5, "score": "up", **OF[kind]}],
        "easy": [{"name": "idle", "row": {"usage": 1, "plan": "basic"}, **EASY[kind]}],
    }
    own = {
        "limits": LIMITS[kind],
        "champion": {"metric": METRIC[kind], "margin": gap / 10, "bootstrap": 300},
        "slices": {"columns": ["plan", "region"], "metric": METRIC[kind], "margin": gap},
        "fairness": {"columns": ["region"]},
        "behaviour": behaviour,
    }
    metric = {"tune": {"metric": METRIC[kind]}, "monitor": {"metric": "accuracy" if kind == "multiclass" else "mae"}}
    whole = {"project": "small", "data": data, "train": {"model": MODEL[kind]}} | metric
    return Params.model_validate(whole | {"gates": own | (gates or {})})


def table(kind: str, rows: int = 8000, seed: int = 0) -> pd.DataFrame:
    """Customers whose next plan, or bill, depends on their usage and not on their region."""
    frame, rng = world.table(rows, seed).drop(columns=["left", "day"]), np.random.default_rng(seed + 1)
    basic = (frame["plan"] == "basic").to_numpy()
    if kind == "regression":
        return frame.assign(bill=50 + frame["usage"] + 10 * ~basic + rng.normal(0, 15, rows))
    odds = np.column_stack([3 - frame["usage"] / 15, np.zeros(rows), frame["usage"] / 15 - 4 + basic])
    drawn = (odds + rng.gumbel(size=odds.shape)).argmax(axis=1)
    return frame.assign(wish=np.array(TARGETS[kind]["classes"], dtype=object)[drawn])


@cache
def good(kind: str) -> Evidence:
    """Evidence without a fault: a fitted model, and a champion trained on half of the rows."""
    return world.built(table(kind), params(kind))
