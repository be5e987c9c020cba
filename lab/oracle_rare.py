"""Wrong models where 1 % of the rows is positive, and the gates that notice them: a table of `python -m lab.oracle`."""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

from collections.abc import Callable
from unittest.mock import patch

import numpy as np

from lab.printed import header, percent, row
from ml.gates import Evidence, ScoredChampion, Verdict, calibration, champion, decisions, fairness, limits, refused
from ml.gates import stability
from tests.gates.crowds import crowd, settings
from tests.gates.world import log_odds, probability

RARE = -7.0  # shifts log odds so that 1 % is positive
RULES = {"limits": {"accuracy": {"min": 0.95}}, "fairness": {"columns": ["group"]}, "stability": {}}


def flat(truth: np.ndarray) -> np.ndarray:
    """The same score for every row, right on average."""
    return np.full_like(truth, truth.mean())


def doubled(truth: np.ndarray) -> np.ndarray:
    """Scores with twice the true mean and the true order."""
    low, high = 0.0, 5.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        twice = probability(log_odds(truth) + middle).mean() > 2 * truth.mean()
        low, high = (low, middle) if twice else (middle, high)
    return probability(log_odds(truth) + low)


MODELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "true probabilities": np.array,
    "always negative": flat,
    "twice the mean": doubled,
}


def rare_table(samples: int) -> None:
    """Refusals of wrong models where 1 % is positive, before and now; the champion knows the true probabilities."""
    header("rows", "model", "decisions alone", "decisions warns", "bias refuses, before", "now", "too few rows, now")
    for rows in (1000, 5000, 20_000):
        for name, model in MODELS.items():
            found = np.mean([noticed(rows, seed, model) for seed in range(samples)], axis=0)
            row(f"{rows:,}", name, *(percent(share, 1) for share in found))


def noticed(rows: int, seed: int, model: Callable[[np.ndarray], np.ndarray]) -> list[bool]:
    """The verdicts on one model: by decisions only, by the gate on decisions, by the bias before and now."""
    frame, truth, label = crowd(rows, seed, RARE)
    rule, score = settings(RULES), np.clip(model(truth), 1e-4, 1.0)
    theirs = ScoredChampion("version 1", {}, "one", score=truth)
    right = float((label == (score >= 0.5)).mean())
    found = {"accuracy": {"value": right, "low": right, "high": right}}
    evidence = Evidence(rule, {}, frame, frame, label, score, found, None, None, "one", theirs)
    refusing = refused([*limits.judge(evidence), *stability.judge(evidence), *fairness.judge(evidence)])
    mcnemar = champion.mcnemar(label, truth >= 0.5, score >= 0.5, rule)
    with patch.object(calibration, "narrowed", lambda bound, _: bound):
        before = bias(evidence)
    now = bias(evidence)
    unsure = any(not v.passed and v.severity == "warning" for v in now)
    warned = not all(v.passed for v in decisions.judge(evidence))
    return [bool(refusing) or not mcnemar.passed, warned, bool(refused(before)), bool(refused(now)), unsure]


def bias(evidence: Evidence) -> list[Verdict]:
    """The verdicts of the gate on calibration, without the slope."""
    return [verdict for verdict in calibration.judge(evidence) if "slope" not in verdict.gate]
