"""Tables of each kind of target with known true values, for proposed gates."""

from typing import Any

import numpy as np
import pandas as pd

from ml.settings.params import Params

MODELS = {"two classes": "logistic_regression", "three classes": "logistic_regression", "a number": "ridge"}
TARGETS: dict[str, dict[str, Any]] = {
    "two classes": {"name": "y", "positive": "b"},
    "three classes": {"name": "y", "task": "multiclass", "classes": ["a", "b", "c"]},
    "a number": {"name": "y", "task": "regression"},
}


def drawn(kind: str, rows: int, seed: int) -> tuple[pd.DataFrame, Params]:
    """A table with three numbers and a category; `a` is the most informative."""
    rng = np.random.default_rng([rows, seed])
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["a", "b", "c"])
    frame["d"] = rng.choice(["x", "y"], rows)
    signal = 1.5 * frame["a"] + 0.7 * frame["b"] + 0.5 * (frame["d"] == "x") + rng.logistic(size=rows)
    labels = {"two classes": pd.Series(np.where(signal > 0.5, "b", "a")), "a number": signal.round(6).astype(str)}
    labels["three classes"] = pd.Series(np.array(["a", "b", "c"])[np.digitize(signal, [-0.5, 1.0])])
    frame = frame.assign(y=labels[kind].astype(object), id=[f"{seed}-{i}" for i in range(rows)])
    columns: dict[str, Any] = {name: {"type": "number"} for name in "abc"} | {
        "d": {"type": "category", "values": ["x", "y"]}
    }
    data = {"file": "d.csv", "id": "id", "target": TARGETS[kind], "columns": columns}
    gates = {"limits": {}, "champion": None, "slices": None}
    settings = {"project": "p", "data": data, "train": {"model": MODELS[kind]}, "gates": gates}
    metric = {"a number": "mae"}.get(kind, "roc_auc")
    live = {"two classes": "roc_auc", "three classes": "accuracy", "a number": "mae"}[kind]
    return frame, Params.model_validate(settings | {"tune": {"metric": metric}, "monitor": {"metric": live}})
