"""Monitoring of several classes and of numbers: no alarm without a change, and the reasons after a change."""

import numpy as np
import pandas as pd
import pytest

from ml.model import reference
from ml.model.reference import Promise, dumps, loads
from ml.monitoring import live_comparison
from ml.monitoring.drift import judge
from ml.monitoring.live_sides import Duel, Side
from ml.monitoring.windows import Span, delay, settled
from ml.prediction_log.records import in_table
from ml.settings.monitor import Monitor
from ml.settings.params import Params
from ml.tasks import live_labels
from ml.tasks.choose import task_of

CLASSES = ("low", "mid", "top")
TARGETS = {
    "multiclass": {"task": "multiclass", "classes": [*CLASSES]},
    "regression": {"task": "regression"},
}
SETTINGS = {"multiclass": Monitor(metric="accuracy"), "regression": Monitor(metric="mae")}
ROWS = 2000


def params(kind):
    data = {"file": "t.csv", "id": "id", "target": {"name": "y", **TARGETS[kind]}, "columns": {"x": {"type": "number"}}}
    monitor = {"metric": SETTINGS[kind].metric}
    gates = {"champion": None, "slices": None}
    return Params.model_validate({"project": "p", "data": data, "monitor": monitor, "gates": gates,
                                  "tune": {"metric": SETTINGS[kind].metric}})  # fmt: skip


def classes(seed, more=(0, 0, 0), blur=1.0):
    """Truth and true probabilities of three classes; `more` is added to the log odds of each."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=ROWS)
    odds = np.column_stack([1 - x, np.zeros(ROWS), x]) + more
    output = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    return x, (blur * odds + rng.gumbel(size=odds.shape)).argmax(axis=1), output


def numbers(seed, noise=1.0, bias=0.0):
    """Truth and values with heavy-tailed errors of constant size, times `noise`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=ROWS)
    return x, 2 * x + bias + noise * rng.standard_t(3, ROWS), 2 * x


def released(kind):
    settings = params(kind)
    x, truth, output = classes(0) if kind == "multiclass" else numbers(0)
    task = task_of(settings.data, settings.evaluate)
    if task.intervals:
        task = task.with_interval(float(np.quantile(np.abs(output - truth), 0.9)), 0.9)
    found = task.score(truth, output).intervals(200, 0.95) | task.watched(truth, output, 0.95)
    made = reference.build(pd.DataFrame({"x": x}), output, found, settings)
    promise = task.promise(truth)
    return made.model_copy(update={"interval": promise and Promise(**promise)})


def window(kind, *drawn):
    x, truth, output = drawn
    if kind == "regression":
        return pd.DataFrame({in_table("x"): x, "score": output, "label": truth})
    said = output.argmax(axis=1)
    names = np.array(CLASSES, dtype=object)[said]
    answer = {"score": output.max(axis=1), "label": 1.0 * (said == truth), "decided": names}
    return pd.DataFrame({in_table("x"): x, **answer})


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.parametrize("seed", range(1, 4))
def test_a_quiet_window_is_stable(kind, seed):
    drawn = classes(seed) if kind == "multiclass" else numbers(seed)

    assert judge(released(kind), window(kind, *drawn), SETTINGS[kind]).verdict == "stable"


@pytest.mark.parametrize("kind", SETTINGS)
def test_shifted_inputs_are_drift(kind):
    drawn = classes(1) if kind == "multiclass" else numbers(1)

    assert (
        judge(released(kind), window(kind, *drawn).assign(**{in_table("x"): drawn[0] + 1}), SETTINGS[kind]).verdict
        == "drift"
    )


def test_other_shares_of_predicted_classes_are_drift_with_equal_confidence():
    mirrored = window("multiclass", *classes(1)).replace({"decided": {"low": "top", "top": "low"}})

    found = judge(released("multiclass"), mirrored.drop(columns="label"), SETTINGS["multiclass"])

    assert found.verdict == "drift"
    assert not found.prediction.drifted
    assert found.decided.drifted
    assert "predicted class: low" in found.reason


def test_a_class_that_is_no_longer_predicted_is_reported():
    rows = window("multiclass", *classes(1))
    merged = rows.replace({"decided": {"low": "mid"}}).drop(columns="label")

    found = judge(released("multiclass"), merged, SETTINGS["multiclass"])

    assert "of the rows at release are no longer predicted: low" in found.decided.reason


@pytest.mark.parametrize(
    ("drawn", "said"),
    [(numbers(1, bias=1.5), "values are too low"), (numbers(1, noise=1.8), "the coverage of intervals has decreased")],
)
def test_biased_numbers_or_numbers_outside_their_intervals_are_degraded(drawn, said):
    settings = SETTINGS["regression"].model_copy(update={"metric": "r2"})

    found = judge(released("regression"), window("regression", *drawn), settings, margin=2.0)

    assert (found.verdict, found.performance.ranking == "worse") == ("degraded", False)
    assert said in found.performance.reason


def test_numbers_of_a_release_without_intervals_are_judged_only_by_their_metric():
    old = released("regression").model_copy(update={"interval": None})

    found = judge(old, window("regression", *numbers(1, bias=1.5)), SETTINGS["regression"], margin=2.0)

    assert found.performance.calibration == ()


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_release_is_read_back_unchanged(kind):
    assert loads(dumps(released(kind)), "here") == released(kind)


def test_nearly_perfect_predictions_are_judged():
    rows = window("multiclass", *classes(1)).assign(label=1.0)

    assert judge(released("multiclass"), rows, SETTINGS["multiclass"]).performance.outcome == "better"


def test_numbers_wait_for_four_fifths_of_their_labels():
    lag = np.r_[np.ones(999), 300.0]
    rows = pd.DataFrame({"label": np.arange(1000.0), "lag_days": lag, "id": [f"i{n}" for n in range(1000)]})

    assert delay(rows, "regression") == 1.0


def test_numbers_are_judged_on_the_newest_window_with_enough_labels():
    moment, filled = pd.Timestamp("2026-01-01"), window("regression", *numbers(1)).assign(young=False, lag_days=1.0)
    spans = tuple(Span(moment, moment, rows) for rows in (filled, filled.assign(label=np.nan)))

    assert settled(spans, SETTINGS["regression"], "regression") is spans[0]


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "many", None])
def test_only_finite_numbers_are_labels_of_a_number(value):
    said = live_labels.outcomes(pd.Series([value, 1.5, "2"]), pd.Series([None] * 3), params("regression").data)

    assert said.isna().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("kind", "gates", "told"),
    [
        ("regression", {"champion": {"metric": "coverage"}}, "gates.champion.metric: coverage is not a metric"),
        ("regression", {"slices": {"metric": "pinball_loss"}}, "gates.slices.metric: pinball_loss is not a metric"),
        ("multiclass", {"limits": {"top_3_accuracy": {"min": 0.5}}}, "gates.limits.top_3_accuracy"),
        ("multiclass", {"monitor": "brier"}, "monitor.metric: brier is not a metric"),
    ],
)
def test_a_metric_that_cannot_be_measured_live_is_refused(kind, gates, told):
    content = params(kind).model_dump(exclude_defaults=True, by_alias=True, mode="json")
    metric = gates.pop("monitor", content["monitor"]["metric"])

    with pytest.raises(ValueError, match=told):
        Params.model_validate(content | {"monitor": {"metric": metric}, "gates": content["gates"] | gates})


@pytest.mark.parametrize(("kind", "metric"), [("regression", "interval_width"), ("multiclass", "top_2_accuracy")])
def test_every_measured_metric_can_have_a_limit(kind, metric):
    content = params(kind).model_dump(exclude_defaults=True, by_alias=True, mode="json")

    limited = Params.model_validate(content | {"gates": content["gates"] | {"limits": {metric: {"max": 1}}}})

    assert [*limited.gates.bounds()] == [metric]


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("wrong", "said"), [(0, "not worse"), (40, "worse")])
def test_champion_and_challenger_with_perfect_predictions_are_compared(paired, wrong, said):
    score = np.random.default_rng(0).uniform(0.8, 1, 100)
    label = np.r_[np.zeros(wrong), np.ones(100 - wrong)]
    best, other = (
        Side("v", name, 100, 100, a, score, live_labels.AnsweredRule("multiclass", 0.0))
        for name, a in zip("ab", (np.ones(100), label), strict=True)
    )
    now = pd.Timestamp("2025-01-01", tz="UTC")

    outcome, _ = live_comparison.judge(Duel(best, other, paired, now, now, simulated=False), params("multiclass"))

    assert outcome == said
    assert live_comparison.figure(best, params("multiclass")) == ("1.0000", "1.0000 to 1.0000")
