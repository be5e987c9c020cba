"""Faults of models for several classes or for a number, for each gate that judges predictions."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ml.gates import Evidence, ServedScores
from ml.gates.evidence import Row
from tests.gates.other_world import good, params
from tests.gates.planted import Fault
from tests.gates.world import scored

MORE = np.array([0.0, 0.0, 1.0])  # the last of the three classes
Change = Callable[[np.ndarray], np.ndarray]


def faults() -> list[Fault]:
    """The faults of both tasks; for a number, `by` counts standard deviations of the target."""
    of = {kind: partial(_fault, kind) for kind in ("multiclass", "regression")}
    classes, number = of["multiclass"], of["regression"]
    return [
        classes("limits", "macro_f1", "a model of mostly random predictions", noisier(5), noisier(0.02)),
        number("limits", "r2", "a model of mostly random predictions", noisier(1), noisier(0.01)),
        number("limits", "coverage", "intervals that are too narrow", narrow(0.5), narrow(1)),
        classes("decisions", "decisions", "a class that is never decided", lifted(-9), lifted(-0.1), "warning"),
        number("decisions", "decisions", "the same number for every row", stretched(0.01), stretched(0.9), "warning"),
        classes("champion", "champion", "a worse model", noisier(2), noisier(0.02)),
        number("champion", "champion", "a worse model", noisier(0.3), noisier(0.01)),
        classes("champion", "champion decisions", "rows decided wrong", noisier(2), noisier(0.02), "warning"),
        classes("stability", "stability", "rows change their class", lifted(1.5), lifted(0.1)),
        number("stability", "stability", "large changes of the predicted values", noisier(1), noisier(0.02)),
        classes("slices", "slices: plan", "random scores in one slice", noisier(5, plan="basic"), noisier(0.02)),
        number("slices", "slices: plan", "random scores in one slice", noisier(1, plan="basic"), noisier(0.02)),
        classes("fairness", f"{REGION} demographic parity", "higher scores for one group", lifted(2, north=True), same),
        classes("fairness", f"{REGION} equalised odds", "higher scores for one group", lifted(2, north=True), same),
        number("fairness", f"{REGION} error", "larger errors in a group", noisier(0.5, region="north"), same),
        number("fairness", f"{REGION} bias", "higher values in a group", lifted(0.3, north=True), same),
        classes("fairness", f"{REGION} not judged", "a group of a few rows", groups(9000), same, "warning"),
        classes("behaviour", "invariance: region", "scores that depend on the region", lean(1), lean(0.01)),
        number("behaviour", "invariance: region", "values that depend on the region", lean(0.3), lean(0.01)),
        classes("behaviour", "direction: usage", "a score that falls with usage", falling(0.5), falling(0)),
        number("behaviour", "direction: usage", "a value that falls with usage", falling(0.1), falling(0)),
        classes("behaviour", "easy case: idle", "an easy case missed", lean(9, every=True), lean(0)),
        number("behaviour", "easy case: idle", "an easy case missed", lean(2, every=True), lean(0)),
        classes("calibration", "calibration slope", "an overconfident model", sharper(1.6), sharper(1)),
        classes("calibration", "calibration bias", "scores of a class too high", lifted(1), lifted(0.05)),
        classes("calibration", "calibration", "classes of a few rows", head(30), same, "warning"),
        number("calibration", "calibration slope", "values too far from the mean", stretched(1.5), stretched(1)),
        number("calibration", "calibration bias", "values too high", lifted(0.2), lifted(0.01)),
        number("calibration", "calibration coverage", "intervals that are too narrow", narrow(0.5), narrow(1)),
        classes("parity", "parity", "missing values served as zero", skewed(0.0), skewed(None)),
        number("parity", "parity", "missing values served as zero", skewed(0.0), skewed(None)),
        classes("leakage", "leakage: columns", "a copy of the target", leaking, same),
        number("leakage", "leakage: columns", "a copy of the target", leaking, same),
        number("leakage", "leakage: sums", "columns that sum to the target", summed, same, "warning"),
    ]  # fmt: skip


REGION = "fairness: region"


def _fault(kind: str, gate: str, verdict: str, what: str, *plants: Any, **more: Any) -> Fault:
    """A fault whose planted inputs take the kind of target."""
    bad, control, *severity = plants
    word = {"multiclass": "several classes", "regression": "a number"}[kind]
    return Fault(gate, verdict, f"{word}: {what}", partial(bad, kind), partial(control, kind), *severity, **more)


def same(kind: str) -> Evidence:
    """No fault."""
    return good(kind)


def told(kind: str, change: Change) -> Evidence:
    """Another output for the test rows: shifted log probabilities, or numbers shifted by standard deviations."""
    evidence = good(kind)
    if kind == "multiclass":
        return scored(evidence, softmax(change(np.log(evidence.score))))
    spread = evidence.label.std()
    return scored(evidence, spread * change(evidence.score / spread))


def softmax(odds: np.ndarray) -> np.ndarray:
    """Probabilities from log odds."""
    found = np.exp(odds - odds.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)


def noisier(by: float, **where: str) -> Callable[[str], Evidence]:
    """A model that adds noise for one level of a column."""

    def plant(kind: str) -> Evidence:
        evidence, rng = good(kind), np.random.default_rng(2)
        rows = np.ones(len(evidence.test), dtype=bool)
        for column, level in where.items():
            rows = (evidence.test[column] == level).to_numpy()
        noise = rng.normal(0, by, evidence.score.shape)
        return told(kind, lambda output: output + (noise.T * rows).T)

    return plant


def lifted(by: float, *, north: bool = False) -> Callable[[str], Evidence]:
    """A higher probability of one class, or higher numbers; for all rows, or in one region."""

    def plant(kind: str) -> Evidence:
        rows = (good(kind).test["region"] == "north").to_numpy() if north else np.ones(len(good(kind).test))
        lift = by * rows
        return told(kind, lambda output: output + (np.outer(lift, MORE) if output.ndim > 1 else lift))

    return plant


def sharper(factor: float) -> Callable[[str], Evidence]:
    """Overconfident probabilities."""
    return lambda kind: told(kind, lambda output: factor * output)


def stretched(factor: float) -> Callable[[str], Evidence]:
    """Numbers moved away from their mean, or towards it."""
    return lambda kind: told(kind, lambda output: output.mean() + factor * (output - output.mean()))


def narrow(factor: float) -> Callable[[str], Evidence]:
    """Intervals of another width."""

    def plant(kind: str) -> Evidence:
        other = replace(good(kind), half_width=factor * good(kind).half_width)
        return scored(other, other.score)

    return plant


def groups(min_rows: int) -> Callable[[str], Evidence]:
    """Settings with a minimum that no group of the table reaches."""
    rule = {"columns": ["region"], "min_rows": min_rows}
    return lambda kind: replace(good(kind), params=params(kind, {"fairness": rule}))


def head(rows: int) -> Callable[[str], Evidence]:
    """The first test rows only."""

    def plant(kind: str) -> Evidence:
        whole = good(kind)
        few = replace(whole, test=whole.test.head(rows), label=whole.label[:rows], champion=None)
        return scored(few, whole.score[:rows])

    return plant


def _model(kind: str, change: Callable[[pd.DataFrame, np.ndarray], np.ndarray]) -> Evidence:
    evidence = good(kind)
    spread = evidence.label.std()

    def score(frame: pd.DataFrame) -> np.ndarray:
        output = evidence.model.score(frame)
        if kind == "multiclass":
            return softmax(np.log(output) + np.outer(change(frame, output), MORE))
        return output + spread * change(frame, output)

    return replace(evidence, model=replace(evidence.model, score=score))


def lean(by: float, *, every: bool = False) -> Callable[[str], Evidence]:
    """A model that is biased in one region or for all rows."""

    def tilt(frame: pd.DataFrame, output: np.ndarray) -> np.ndarray:
        return by * (np.ones(len(output)) if every else (frame["region"] == "north").to_numpy())

    return lambda kind: _model(kind, tilt)


def falling(by: float) -> Callable[[str], Evidence]:
    """A model whose output decreases with usage."""
    return lambda kind: _model(kind, lambda frame, _: -by * frame["usage"].to_numpy())


def skewed(missing: float | None) -> Callable[[str], Evidence]:
    """A serving path that imputes differently."""

    def answer(model: ServedScores, asked: list[Row]) -> Any:
        return model.answer([{k: missing if v is None and k == "visits" else v for k, v in r.items()} for r in asked])

    return lambda kind: replace(good(kind), model=replace(good(kind).model, answer=partial(answer, good(kind).model)))


def leaking(kind: str) -> Evidence:
    """A column that holds the target."""
    train = good(kind).train
    truth = good(kind).task.truth(train[good(kind).params.data.target.name])
    return replace(good(kind), train=train.assign(visits=truth * 1.0))


def summed(kind: str) -> Evidence:
    """Two columns whose sum is the target."""
    train = good(kind).train
    truth = good(kind).task.truth(train[good(kind).params.data.target.name])
    return replace(good(kind), train=train.assign(visits=truth - train["usage"]))
