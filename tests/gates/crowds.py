"""Tables with known true probabilities, and models that predict them, for data that no gate was designed for."""

import numpy as np
import pandas as pd

from ml.gates import Evidence, ScoredChampion
from ml.settings.params import Params
from tests.gates.world import log_odds, probability

NUMBER, CATEGORY = {"type": "number"}, {"type": "category", "values": ["a", "b", "c", "d"]}
COLUMNS = {"strong": NUMBER, "weak": NUMBER, "noise": NUMBER, "group": CATEGORY, "area": CATEGORY, "team": CATEGORY}


def crowd(rows: int, seed: int, odds: float = -1.2) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A table in which one column is the most informative, with true probabilities and labels; `odds` shifts them."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({name: rng.normal(size=rows) for name in ("strong", "weak", "noise")})
    for name in ("group", "area", "team"):
        frame[name] = rng.choice(list("abcd"), rows, p=[0.4, 0.3, 0.2, 0.1])
    truth = probability(2.2 * frame["strong"] + 0.5 * frame["weak"] + 0.4 * (frame["group"] == "a") + odds).to_numpy()
    return frame.assign(id=[f"r{n}" for n in range(rows)]), truth, (rng.random(rows) < truth).astype("int8")


def settings(gates: dict) -> Params:
    """Settings for a table with these columns and the given gates."""
    target = {"name": "y", "positive": 1}
    data = {"file": "x.csv", "id": "id", "target": target, "columns": COLUMNS}
    quiet = {"behaviour": None, "fairness": None, "slices": None}
    return Params.model_validate({"project": "oracle", "data": data, "gates": quiet | gates})


def build(rows: int, seed: int, gates: dict, sigma: tuple[float, float]) -> Evidence:
    """A champion and a challenger that predict the truth plus normal noise with these deviations on the log odds."""
    rule, rng = settings(gates), np.random.default_rng([seed, 1])
    frame, truth, label = crowd(rows, seed)
    old, new = (probability(log_odds(truth) + s * rng.normal(size=rows)) for s in sigma)
    theirs = rule.model_dump(mode="json", by_alias=True)
    beaten = ScoredChampion("version 1", theirs, "one", score=old)
    return Evidence(rule, {}, frame, frame, label, new, {}, None, None, "one", beaten)


def divided(rows: int, seed: int, columns: int, apart: float, rule: dict) -> Evidence:
    """The true probabilities of groups in so many columns; the first column shifts the log odds by `apart`."""
    rng, names = np.random.default_rng(seed), [f"c{n}" for n in range(columns)]
    frame = pd.DataFrame({name: rng.choice(list("abcd"), rows) for name in names})
    truth = probability(rng.normal(-1.2, 1.5, rows) + apart * (frame["c0"] <= "b").to_numpy())
    label = (rng.random(rows) < truth).astype("int8")
    limits = {"demographic_parity": 0.001, "equalised_odds": 0.001}  # so that only the interval holds it back
    data = {"file": "x.csv", "id": "id", "target": {"name": "y"}, "columns": dict.fromkeys(names, CATEGORY)}
    gates = {"fairness": {"columns": names} | limits | rule, "behaviour": None, "slices": None}
    whole = Params.model_validate({"project": "oracle", "data": data, "gates": gates})
    return Evidence(whole, {}, frame, frame, label, truth, {}, None, None)
