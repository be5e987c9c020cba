"""A small world for the gates: a table, a model and a champion that pass every gate."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from ml.data import schema, split
from ml.gates import Evidence, Locks, ScoredChampion, ServedScores
from ml.gates.scored_models import served
from ml.model import model, model_file
from ml.model.interval import half_width
from ml.model.model_contract import Contract
from ml.model.shipped import anew
from ml.settings.params import Params
from ml.tasks.choose import task_of

ROWS = 5000
NUMBERS = {"usage": {"type": "number", "min": 0, "max": 100}, "visits": {"type": "number", "missing": 0.2}}
LEVELS = {
    "plan": {"type": "category", "values": ["basic", "pro"]},
    "region": {"type": "category", "values": ["north", "south"]},
}
GATES = {
    "limits": {"accuracy": {"min": 0.7}, "roc_auc": {"min": 0.75}, "calibration_error": {"max": 0.08}},
    "champion": {"bootstrap": 300},
    "slices": {"columns": ["plan", "region"], "min": 0.7},
    "fairness": {"columns": ["region"]},
    "behaviour": {
        "rows": 200,
        "invariance": [{"column": "region", "max_change": 0.05}],
        "direction": [{"column": "usage", "by": 5, "score": "down"}],
        "easy": [{"name": "idle", "row": {"usage": 1, "plan": "basic"}, "label": "positive"}],
    },
    "latency": {"p50_ms": 40, "p99_ms": 60, "calls": 20},
    "size": {"max_mb": 50},
    "freshness": {"refuse": "always"},
}


def params(gates: dict[str, Any] | None = None, **sections: Any) -> Params:
    """The settings of this table, with other values for some sections or gates."""
    target = {"name": "left", "positive": 1}
    data = {"file": "data/small.csv", "id": "id", "time": "day", "target": target, "columns": NUMBERS | LEVELS}
    whole = {"project": "small", "data": data, "train": {"model": "logistic_regression"}}
    return Params.model_validate(whole | {"gates": GATES | (gates or {})} | sections)


def table(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Labelled customers; those with low usage leave, independently of their region."""
    rng = np.random.default_rng(seed)
    usage, visits = rng.uniform(0, 100, rows), rng.normal(10, 3, rows)
    plan = rng.choice(["basic", "pro"], rows)
    odds = 2.5 - usage / 16 + 0.15 * (visits - 10) + 1.0 * (plan == "basic")
    return pd.DataFrame(
        {
            "id": [f"r{seed}-{n}" for n in range(rows)],
            "day": pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(rows) // 100, unit="D"),
            "usage": usage,
            "visits": np.where(rng.random(rows) < 0.1, np.nan, visits),
            "plan": plan,
            "region": rng.choice(["north", "south"], rows),
            "left": (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int),
        }
    )


@cache
def good() -> Evidence:
    """Evidence without a fault: a fitted model, and a champion trained on half of the rows."""
    return built(table(), params())


def built(frame: pd.DataFrame, settings: Params, train: pd.DataFrame | None = None) -> Evidence:
    """The evidence of a build of `frame`; the model is fitted on `train` if given, otherwise on the training side."""
    frame = schema.conform(frame, settings.data)
    test = split.is_test(frame, settings.data, settings.prepare)
    own, held = frame[~test].reset_index(drop=True), frame[test].reset_index(drop=True)
    challenger = fitted(own if train is None else train, settings)
    champion = fitted(own.head(len(own) // 2), settings)
    theirs = settings.model_dump(mode="json", by_alias=True)
    evidence = Evidence(
        params=settings,
        validation={"rows": len(frame), "checks": [{"passed": True, "severity": "critical"}]},
        train=own,
        test=held,
        label=task_of(settings.data).truth(held[settings.data.target.name]),
        score=np.array([]),
        intervals={},
        model=challenger,
        locks=Locks(dvc={}, uncommitted=[], pins={"numpy": "2"}, installed={"numpy": "2"}, unmet=[]),
        data="one",
        champion=ScoredChampion("version 1", theirs, "one", champion, champion.score(held)),
        half_width=half_width(own, settings.data, settings.train, settings.evaluate.coverage),
    )
    return scored(evidence, challenger.score(held))


def fitted(train: pd.DataFrame, settings: Params) -> ServedScores:
    """A model in its served form."""
    pipeline = model.fit(train, settings.data, settings.train)
    content = model_file.dumps(pipeline)
    contract = Contract.of(settings.project, settings.data, settings.evaluate)
    return served(anew(content, pipeline, contract), settings.data, pipeline)


def scored(evidence: Evidence, score: np.ndarray) -> Evidence:
    """The same build with these scores for the test rows, in batch and served alike."""
    settings = evidence.params.evaluate
    rows = evidence.task.score(evidence.label, score)
    return replace(evidence, score=score, intervals=rows.intervals(100, settings.confidence))


def log_odds(score: np.ndarray) -> np.ndarray:
    """Log odds of probabilities."""
    return np.log(score) - np.log1p(-score)


def probability(odds: np.ndarray) -> np.ndarray:
    """Probabilities of log odds."""
    return 1 / (1 + np.exp(-odds))
