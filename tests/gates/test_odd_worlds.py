"""Every statistical gate gives verdicts with reasons on any small set of test rows."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.gates import calibration, champion, decisions, fairness, limits, slices, stability
from ml.settings.metric_names import METRICS as OF
from ml.tasks import score_rows
from tests.gates.world import good, params

JUDGES = (limits, decisions, champion, stability, slices, fairness, calibration)
METRICS = [*OF["binary"]]
SCORES = st.sampled_from([0.0, 1e-9, 0.2, 0.5, 0.7, 1.0])


@st.composite
def odd(draw):
    """Few test rows: one class, ties, scores of 0 and 1, one level, missing values, an unusual champion."""
    rows, metric = draw(st.integers(2, 60)), draw(st.sampled_from(METRICS))
    label = np.array(draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)), dtype="int8")
    if draw(st.booleans()):
        label[:] = label[0]
    ours, theirs = (np.array(draw(st.lists(SCORES, min_size=rows, max_size=rows))) for _ in range(2))
    if draw(st.booleans()):
        ours[:] = ours[0]
    least = draw(st.sampled_from([1, 20]))
    bound = {"min": 0.5, "max": 0.5, "judge": draw(st.sampled_from(["value", "interval"]))}
    gates = {"limits": dict.fromkeys(METRICS, bound)} | {"champion": {"metric": metric, "bootstrap": 100}}
    gates |= {"slices": {"metric": metric, "min_rows": least, "min_class": draw(st.sampled_from([1, 20])), "min": 0.5}}
    gates |= {"fairness": {"columns": ["plan", "region"], "min_rows": least}}
    test = good().test.head(rows).copy()
    if draw(st.booleans()):
        test["plan"], test["usage"] = draw(st.sampled_from([None, "missing"])), np.nan
    beside = draw(st.sampled_from([good().champion, replace(good().champion, params={})]))
    beside = draw(st.sampled_from([None, replace(beside, score=theirs), replace(beside, score=None, why="gone")]))
    found = score_rows.intervals(
        score_rows.rank(label, ours, 0.5), params().evaluate.model_copy(update={"bootstrap": 100})
    )
    return replace(
        good(), params=params(gates), test=test, label=label, score=ours, intervals=found, champion=beside, looks=rows
    )


@pytest.mark.slow
@given(odd())
@settings(max_examples=25, deadline=None)
def test_every_verdict_has_a_readable_reason(evidence):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdicts = [verdict for gate in JUDGES for verdict in gate.judge(evidence)]

    for verdict in verdicts:
        assert verdict.reason
        assert "nan" not in verdict.reason.lower().split()
        assert "np." not in verdict.reason
        assert "(None" not in verdict.reason
        assert all(value is None or np.isfinite(value) for value in (verdict.value, verdict.low, verdict.high))
    if not score_rows.enough(evidence.label):
        outcomes = {v.outcome for v in verdicts if v.outcome}
        assert outcomes <= {"not enough evidence", "no champion"}


@pytest.mark.parametrize("positive", [0, 3, 600])
def test_a_rare_class_is_not_judged_and_every_gate_says_so(positive):
    label = np.repeat([1, 0], [positive, 600 - positive]).astype("int8")
    never = np.full(600, 0.01)
    found = score_rows.intervals(
        score_rows.rank(label, never, 0.5), params().evaluate.model_copy(update={"bootstrap": 100})
    )
    rule = params({"limits": {"roc_auc": {"min": 0.6}}, "slices": {"columns": ["plan"]}})
    beside = replace(good().champion, score=never)
    evidence = replace(good(), params=rule, test=good().test.head(600), label=label, score=never, champion=beside)

    by_gate = {verdict.gate: verdict for gate in JUDGES for verdict in gate.judge(replace(evidence, intervals=found))}

    assert by_gate["champion"].outcome == "not enough evidence"
    assert f"{positive:,} positive" in by_gate["champion"].reason
    assert not by_gate["calibration"].passed
    assert not by_gate["decisions"].passed
    assert "too small to judge" in by_gate["slices not judged"].reason
    assert (f"{positive} positive" if 0 < positive < 600 else "one class") in by_gate["roc_auc"].reason
    assert by_gate["roc_auc"].passed is False
