"""Figures and margins of a target in any unit, and gates for rows with weights or entities."""

from dataclasses import replace

import numpy as np
import pytest

from ml.gates import champion, decisions, fairness, stability
from ml.io.text import figure
from ml.settings.gates import Champion
from ml.tasks.duel import compare
from ml.tasks.number_rows import NumberRows
from ml.tasks.resampling import kept
from tests.gates import other_world, world


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (27798.94, "27,799"),
        (-1.4754e20, "-1.475e+20"),
        (0.8123, "0.812"),
        (0.0, "0.000"),
        (3.21e-7, "3.21e-07"),
        (1e-17, "0.000"),
        (None, "unknown"),
    ],
)
def test_a_figure_has_significant_digits(value, told):
    assert figure(value) == told


def test_a_small_figure_is_kept_with_six_digits():
    assert kept(1.23456789e-7) == 1.23457e-7
    assert kept(0.123456789) == 0.123457


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_a_margin_of_an_error_means_the_same_in_any_unit(unit):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2000)
    value = truth + rng.normal(size=2000)
    old, worse = (
        NumberRows(truth * unit, v * unit, float("nan")) for v in (value, value + 0.02 * np.sign(value - truth))
    )
    rule = {"metric": "mae", "bootstrap": 100}

    strict, loose = (compare(old, worse, Champion(**rule, margin=m)).outcome for m in (0.005, 0.05))

    assert (strict, loose) == ("worse", "not worse")


def grouped(evidence, times):
    """Each row repeated so many times under one entity; successive rows are similar."""
    test = evidence.test.iloc[np.repeat(np.arange(len(evidence.test)), times)].reset_index(drop=True)
    test = test.assign(thing=np.repeat([f"t{n}" for n in range(len(evidence.test))], times))
    data = evidence.params.data.model_copy(update={"group": "thing"})
    rival = replace(evidence.champion, score=np.repeat(evidence.champion.score, times, axis=0))
    return replace(
        evidence,
        test=test,
        champion=rival,
        label=np.repeat(evidence.label, times),
        score=np.repeat(evidence.score, times, axis=0),
        params=evidence.params.model_copy(update={"data": data}),
    )


@pytest.mark.parametrize("gate", [stability, fairness])
def test_rows_of_one_entity_count_like_one_row(gate):
    one = world.good()
    once, often = (gate.judge(grouped(one, times)) for times in (1, 10))

    for few, many in zip(once, often, strict=True):
        assert (many.low, many.high) == pytest.approx((few.low, few.high), abs=1e-9)


def test_mcnemars_test_counts_entities():
    rng = np.random.default_rng(0)
    label, old = rng.integers(0, 2, 200), np.zeros(200, dtype="int64")
    new = np.where(rng.random(200) < 0.2, 1, 0)
    params, design = world.good().params, champion.Design(entity=np.repeat(np.arange(200), 10))

    plain, once = (
        champion.mcnemar(label, old, new, params, d) for d in (champion.PLAIN, champion.Design(np.ones(200)))
    )
    often = champion.mcnemar(*(np.repeat(a, 10) for a in (label, old, new)), params, design)

    assert often.value == pytest.approx(once.value)
    assert once.value == pytest.approx(plain.value, abs=0.15)


@pytest.mark.slow
def test_the_stability_of_numbers_does_not_mention_decisions():
    [verdict] = stability.judge(other_world.good("regression"))

    assert "move by more than half a standard deviation" in verdict.reason
    assert "side" not in verdict.reason


@pytest.mark.parametrize(("unit", "hinted"), [(1.0, False), (1e-12, True)])
def test_a_target_too_small_for_trees_is_reported(unit, hinted):
    one = other_world.good("regression")

    [verdict] = decisions.judge(replace(one, label=one.label * unit, score=np.zeros(len(one.label))))

    assert ("smaller unit" in verdict.reason) == hinted
