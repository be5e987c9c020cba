"""For many rows the replicates are drawn from a sample, and the intervals are as wide as those from all rows."""

import numpy as np
import pytest

from ml.data.design import PLAIN, Design
from ml.settings.data import Data
from ml.settings.evaluate import Evaluate
from ml.settings.gates import Champion
from ml.tasks import resampling
from ml.tasks.choose import task_of
from ml.tasks.duel import compare as duel
from ml.tasks.figures import Figures

ROWS = 4000
TARGETS = {
    "binary": {"name": "y"},
    "regression": {"name": "y", "task": "regression"},
    "multiclass": {"name": "y", "task": "multiclass", "classes": ["a", "b", "c"]},
}
RNG = np.random.default_rng(0)
DESIGNS = {
    "plain": PLAIN,
    "weighted": Design(weight=RNG.uniform(0.5, 2, ROWS)),
    "entities": Design(entity=np.arange(ROWS) // 4),
}


def rows_of(kind):
    """The task, truth and output for rows that a model predicts better than chance."""
    target, noise = TARGETS[kind], np.random.default_rng(1)
    data = Data(file="t.csv", id="id", target=target, columns={"x": {"type": "number"}})
    task = task_of(data, Evaluate())
    task = task.with_interval(1.0, 0.9)
    if kind == "regression":
        truth = noise.uniform(2, 4, ROWS)
        return task, truth, truth + noise.normal(size=ROWS)
    truth = noise.integers(0, 2 if kind == "binary" else 3, ROWS)
    if kind == "binary":
        return task, truth.astype("int8"), 1 / (1 + np.exp(-noise.normal(1.5 * truth - 0.75)))
    odds = np.exp(noise.normal(size=(ROWS, 3)) + 1.5 * np.eye(3)[truth])
    return task, truth, odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("design", DESIGNS)
def test_metrics_of_some_rows_equal_those_of_these_rows_alone(kind, design):
    task, truth, output = rows_of(kind)
    rows = np.sort(np.random.default_rng(2).choice(ROWS, 700, replace=False))
    weight = np.random.default_rng(3).poisson(2, 700).astype("float64")

    few = task.score(truth, output, DESIGNS[design]).some(rows)

    alone = task.score(truth[rows], output[rows], DESIGNS[design].at(rows))
    assert few.measure() == pytest.approx(alone.measure())
    assert few.measure(weight[few.order]) == pytest.approx(alone.measure(weight[alone.order]))


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_from_a_sample_have_the_width_and_centre_of_those_from_all_rows(monkeypatch, kind, design):
    task, truth, output = rows_of(kind)
    scored = task.score(truth, output, DESIGNS[design])
    expected = scored.intervals(200, 0.9)

    monkeypatch.setattr(resampling, "MOST", 1000)
    found = scored.intervals(200, 0.9)

    assert {name: one["value"] for name, one in found.items()} == {n: one["value"] for n, one in expected.items()}
    for name, one in found.items():
        assert one["low"] <= one["value"] <= one["high"], name
        whole = expected[name]["high"] - expected[name]["low"]
        wide = (one["high"] - one["low"]) / whole if whole else 1.0
        most = 2.0 if name == "median_absolute_error" else 1.4  # which hangs on the few rows around the middle
        assert 1 / most < wide < most, name


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("most", [1000, 100_000])
def test_the_interval_of_one_metric_is_the_same_as_among_all(monkeypatch, kind, most):
    monkeypatch.setattr(resampling, "MOST", most)
    task, truth, output = rows_of(kind)
    scored = task.score(truth, output)
    expected = scored.intervals(100, 0.9)

    assert [scored.intervals(100, 0.9, only=name) for name in expected] == [{n: one} for n, one in expected.items()]


def test_an_advantage_is_drawn_on_the_same_sample_of_both(monkeypatch):
    task, truth, output = rows_of("binary")
    old, new = (task.score(truth, given) for given in (np.roll(output, 1), output))
    monkeypatch.setattr(resampling, "MOST", 1000)

    found = duel(old, new, Champion(metric="roc_auc", bootstrap=200))

    assert found.value == pytest.approx(new.measure()["roc_auc"] - old.measure()["roc_auc"])
    assert found.low < found.value < found.high
    assert found.outcome == "better"


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_a_bootstrap_of_one_metric_computes_no_other(kind):
    task, truth, output = rows_of(kind)
    figures = task.score(truth, output).measure()
    asked = []
    made = {name: lambda name=name: asked.append(name) or 0.5 for name in figures}

    assert Figures(made)["roc_auc"] == 0.5
    assert asked == ["roc_auc"]
    assert isinstance(figures, Figures)
    assert [*figures] == [name for name in task.metrics if name in figures]


def test_a_sample_contains_whole_entities(monkeypatch):
    monkeypatch.setattr(resampling, "MOST", 1000)
    entity = DESIGNS["entities"].entity

    rows = resampling.chosen(ROWS, DESIGNS["entities"])

    assert 990 <= len(rows) <= 1010
    assert np.isin(entity, entity[rows]).sum() == len(rows)
    assert resampling.chosen(1000) is None
