"""Proposed gates for a new table: the metrics of a cross-validation, with a margin for chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from ml.data.schema import conform
from ml.gates import leakage, proposed_cases, proposed_groups, proposed_stability
from ml.io.errors import UserError
from ml.io.text import counted
from ml.io.yaml_edit import REMOVE, rounded
from ml.model.crossed import Crossed, crossed, drawn
from ml.settings.gates import Bound, Calibration, Leakage
from ml.settings.params import Params
from ml.settings.section import given
from ml.tasks.calibration_figures import CalibrationFigure
from ml.tasks.choose import task_of

MEASURES = ("roc_auc", "pr_auc", "balanced_accuracy", "brier", "r2", "mae")  # metrics with a limit
PERFECT = 0.999  # of roc_auc or r2: rarely true for a model without a leak of the target
KEPT = 0.75  # share of the baseline's gain over a constant answer: a model with less is not worth a release
SURE = 3  # standard errors: an equally good model falls below by chance once in a thousand times
BOOTSTRAP = 200
CONFIDENCE = 0.95
WIDEST = {"slope": 0.2, "bias": 0.25, "coverage": 0.25}  # limits beyond these would be meaningless


@dataclass(frozen=True)
class Proposal:
    """Settings by path, and sentences on their basis."""

    settings: dict[str, Any]
    told: list[str]


def for_table(frame: pd.DataFrame, params: Params, source: str = "") -> Proposal:
    """The proposal for a table without a judged model; only a sentence if none can be made."""
    known = frame[params.data.target.name].notna()
    some = frame[known.to_numpy() & drawn(frame, params.data)]
    try:
        found = crossed(conform(some, params.data), params, source)
        plan = proposed(found, params, int(known.sum()))
        return Proposal(plan.settings, [*plan.told, *_revealing(found, params)])
    except UserError as error:
        return Proposal({}, [f"no gates are proposed, because no model can be cross-validated: {error}"])


def _revealing(found: Crossed, params: Params) -> list[str]:
    """Warnings about columns that give the target away, or about a model that is almost perfect without one."""
    suspect = (params.gates.leakage or Leakage()).suspect_auc
    verdicts = leakage.revealing(found.frame, params.data, suspect)
    if wrong := [verdict.reason for verdict in verdicts if not verdict.passed]:
        return [f"warning: {reason}" for reason in wrong]
    task = task_of(params.data, params.evaluate)
    name = next(name for name in MEASURES if name in task.metrics)
    value = task.score(found.truth, found.output, found.design).measure()[name]
    if value < PERFECT:
        return []
    return [f"warning: a {name} of {value:.4f} is almost perfect: check that each column is known before the outcome"]


def proposed(found: Crossed, params: Params, rows: int) -> Proposal:
    """Limits, calibration, fairness, stability and easy cases for a table of so many rows, from a cross-validation."""
    scale = float(np.sqrt(len(found.truth) / max(1.0, rows * params.prepare.test_share)))
    limits = _limits(found, params, scale)
    parts = [
        limits,
        _calibration(found, params, scale),
        Proposal(*proposed_groups.proposed(found, params, scale)),
        Proposal(*proposed_stability.proposed(found, params)),
        *([Proposal(*proposed_cases.proposed(found, params))] if limits.settings else []),  # a guess finds none
    ]
    settings = {path: value for part in parts for path, value in part.settings.items()}
    return Proposal(settings, [sentence for part in parts for sentence in part.told])


def _limits(found: Crossed, params: Params, scale: float) -> Proposal:
    """A limit for each metric in which the test rows distinguish the baseline from a constant answer."""
    task = task_of(params.data, params.evaluate)
    scored, guess = (task.score(found.truth, said, found.design) for said in (found.output, found.constant))
    measured, dummy = scored.intervals(BOOTSTRAP, CONFIDENCE), guess.measure()
    names = [name for name in MEASURES if name in task.metrics]
    limits = {name: limit(measured[name], dummy[name], scale, higher=task.metrics[name]) for name in names}
    said = ", ".join(f"{name} {measured[name]['value']:.4g} (a constant answer: {dummy[name]:.4g})" for name in names)
    basis = f"cross-validation of {params.train.model} on {counted(len(found.truth), 'row')} reaches {said}"
    kept = {name: bound for name, bound in limits.items() if bound}
    if not kept and _beats(measured[names[0]], dummy[names[0]]):
        kept = {names[0]: {"min": rounded(dummy[names[0]], 6)}}
    if not kept:
        return Proposal(
            {}, [f"warning: {basis}: that is no better than chance, but gates.limits requires a better model"]
        )
    shown = ", ".join(f"{name} {side} {value:g}" for name, b in kept.items() for side, value in b.items())
    return Proposal({"gates.limits": kept}, [f"{basis}; gates.limits: {shown}"])


def _beats(measured: Mapping[str, float | None], dummy: float) -> bool:
    """Whether the whole interval is better than a constant answer; higher is better."""
    return measured["low"] is not None and measured["low"] > dummy


def limit(measured: Mapping[str, float | None], dummy: float, scale: float, *, higher: bool) -> dict[str, float] | None:
    """Three quarters of the way from a constant answer to the baseline, or less if chance requires a larger margin.

    `measured` holds value, low and high; `scale` is how many times wider the interval is on the test rows. None if this
    margin reaches the constant answer.
    """
    value, low, high = (measured[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None or np.isnan(dummy):
        return None
    sign = 1 if higher else -1
    gain = sign * (value - dummy)
    error = (high - low) / 2 / float(norm.ppf((1 + CONFIDENCE) / 2)) * scale
    left = gain - max((1 - KEPT) * gain, SURE * error)
    if left <= 0:
        return None
    step = 10.0 ** (np.floor(np.log10(gain)) - 1)
    end = sign * np.floor(round(sign * (dummy + sign * left) / step, 6)) * step
    return {"min" if higher else "max": rounded(end, 6)} if sign * (end - dummy) > 0 else None


def _calibration(found: Crossed, params: Params, scale: float) -> Proposal:
    """The default limits, wider if the baseline or few test rows require it; None if they would be meaningless."""
    task = task_of(params.data)
    errors = np.sort(np.abs(found.output - found.truth)) if task.intervals else np.array([])
    if len(errors):
        level = params.evaluate.coverage
        task = task.with_interval(float(np.quantile(errors, level, method="higher")), level)
    if not task.enough(found.truth, 1):
        return Proposal({}, [])
    figures = task.calibrated(found.truth, found.output, CONFIDENCE, found.design)
    bounds = {}
    for name in dict.fromkeys(figure.name for figure in figures):
        usual = given(getattr(Calibration(), name))
        bounds[name] = _wide_enough(usual, [f for f in figures if f.name == name], scale)
    if not any(bounds.values()):
        return Proposal({}, ["gates.calibration is off: there are too few test rows for meaningful limits"])
    told = f"gates.calibration: {', '.join(f'{name} {_ends(bound)}' for name, bound in bounds.items())}"
    old = {} if "coverage" in bounds else {"gates.calibration.coverage": REMOVE}  # of a table with a number to predict
    return Proposal({f"gates.calibration.{name}": bound for name, bound in bounds.items()} | old, [told])


def _wide_enough(usual: Bound, figures: list[CalibrationFigure], scale: float) -> dict[str, float] | None:
    half = float(norm.ppf((1 + CONFIDENCE) / 2))
    ends = []
    for figure in figures:
        value, room = figure.found["value"], SURE * (figure.found["high"] - figure.found["low"]) / 2 / half * scale
        ends.append((value - room, value + room))
    low, high = min(end for end, _ in ends), max(end for _, end in ends)
    name = figures[0].name
    furthest = WIDEST[name] if name == "slope" else min(WIDEST[name], *(figure.widest for figure in figures))
    found = {}
    if usual.min is not None:
        found["min"] = min(usual.min, np.floor(low * 100) / 100)
    if usual.max is not None:
        found["max"] = max(usual.max, np.ceil(high * 100) / 100)
    vague = found["min"] < furthest if name == "slope" else max(map(abs, found.values())) > max(furthest, 0.05)
    return None if vague else {side: rounded(end, 6) for side, end in found.items()}


def _ends(bound: Mapping[str, float] | None) -> str:
    return (
        " to ".join(f"{end:g}" for end in bound.values()) + (" or more" if len(bound) == 1 else "") if bound else "off"
    )
