"""Latency, size and parity, judged on served predictions beside the champion."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest

from ml.gates import latency, parity, size
from ml.gates.latency import milliseconds
from ml.gates.parity import as_requests
from ml.io import cores
from tests.gates.faults import slow
from tests.gates.world import good, params


def test_requests_survive_json_and_hold_features_only():
    rows = as_requests(good().test, good().params.data, 50)

    assert json.loads(json.dumps(rows)) == rows
    assert {frozenset(row) for row in rows} == {frozenset(good().params.data.columns)}
    assert any(row["visits"] is None for row in rows)
    assert len(rows) == 50


def test_predictors_take_turns_row_by_row():
    calls = []
    answers = [lambda rows, name=name: calls.append(name) or [0.5] for name in "ab"]

    timed = milliseconds(answers, [{}], calls=3)

    assert calls[-6:] == ["a", "b", "a", "b", "a", "b"]
    assert timed.shape == (2, 3)


@pytest.mark.slow
def test_a_slow_machine_does_not_refuse_a_model_as_fast_as_the_champion():
    evidence = slow(0.003, limit=1)()
    alike = replace(evidence.champion, served=evidence.model)

    verdicts = latency.judge(replace(evidence, champion=alike))

    assert [(v.passed, v.severity) for v in verdicts] == [(False, "warning")] * 2
    assert "the machine is slow, not the model" in verdicts[0].reason


def test_one_busy_moment_of_the_machine_does_not_refuse(monkeypatch):
    moments, clock = iter([0.09] * 25), [0.0]  # the warm-up and the first round are slow
    monkeypatch.setattr(cores, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def answer(rows):
        clock[0] += next(moments, 0)
        return [0.5] * len(rows)

    evidence = replace(slow(0.0)(), champion=None)

    verdicts = latency.judge(replace(evidence, model=replace(evidence.model, answer=answer)))

    assert all(v.passed for v in verdicts)


@pytest.mark.slow
def test_a_model_many_times_slower_than_the_champion_passes_if_both_are_very_fast():
    evidence = slow(0.0003)()
    champion = replace(evidence.champion, served=replace(evidence.model, answer=lambda rows: [0.5]))

    median, _ = latency.judge(replace(evidence, champion=champion, params=params({"latency": {"growth": 2}})))

    assert median.passed


@pytest.mark.slow
def test_without_a_champion_only_the_milliseconds_decide():
    verdicts = latency.judge(replace(slow(0.003, limit=1)(), champion=None))

    assert [(v.passed, v.severity) for v in verdicts] == [(False, "critical")] * 2


def test_a_model_with_the_champions_size_has_not_grown():
    (verdict,) = size.judge(good())

    assert verdict.passed
    assert "1.00 times version 1" in verdict.reason or "0.99" in verdict.reason or "1.01" in verdict.reason


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_an_answer_that_is_no_number_is_refused(wrong):
    broken = replace(good().model, answer=lambda rows: [wrong, *good().model.answer(rows)[1:]])

    verdict, _ = parity.judge(replace(good(), model=broken))

    assert not verdict.passed
    assert json.dumps(asdict(verdict), allow_nan=False)


def test_the_row_that_differs_most_is_named_with_both_answers():
    broken = replace(good().model, answer=lambda rows: [*good().model.answer(rows)[:-1], 0.123456])

    verdict, _ = parity.judge(replace(good(), model=broken))

    assert verdict.evidence[0]["id"] == str(good().test["id"].iloc[999])
    assert "against 0.123456" in verdict.reason


def test_a_decision_that_flips_is_refused_however_small_the_difference():
    flip = good().score.copy()
    flip[3] = 0.5
    served = replace(good().model, answer=lambda rows: [*flip[:3], 0.5 - 1e-9, *flip[4 : len(rows)]])

    verdict, _ = parity.judge(replace(good(), score=flip, model=served))

    assert not verdict.passed
    assert "1 with another decision" in verdict.reason
