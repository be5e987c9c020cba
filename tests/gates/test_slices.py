from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ml.gates import slices
from ml.gates.slices import measured, sliced
from tests.gates.world import good, params


def test_every_row_is_in_one_slice_of_a_column():
    number = pd.Series([1.0, 2.0, np.nan, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    category = pd.Series(["a", None, "b", "a"], dtype=object)

    for column in (number, category):
        masks = np.array([rows for _, rows in sliced(column, bins=4)])

        assert (masks.sum(axis=0) == 1).all()
        assert [int(rows.sum()) for level, rows in sliced(column, 4) if level == "missing"] == [1]


def test_numbers_fall_into_bins_of_about_as_many_rows():
    parts = sliced(pd.Series(np.arange(1000.0)), bins=4)

    assert [int(rows.sum()) for _, rows in parts] == [250] * 4


def test_a_number_of_few_values_is_taken_by_value():
    assert [level for level, _ in sliced(pd.Series([0.0, 1.0, 1.0]), bins=4)] == ["0", "1"]


def test_the_metric_of_a_slice_is_scikit_learns_on_its_rows():
    evidence = good()

    found = measured(evidence.test[["plan"]], evidence.label, evidence.score, evidence.params)

    for part in found:
        rows = (evidence.test["plan"] == part.level).to_numpy()
        assert part.value == pytest.approx(roc_auc_score(evidence.label[rows], evidence.score[rows]))
        assert part.gap == pytest.approx(roc_auc_score(evidence.label, evidence.score) - part.value)


def test_more_slices_make_wider_intervals():
    evidence = good()

    one = measured(evidence.test[["plan"]], evidence.label, evidence.score, evidence.params)[0]
    many = measured(evidence.test[["plan", "region", "usage"]], evidence.label, evidence.score, evidence.params)[0]

    assert many.name == one.name
    assert many.half > 1.1 * one.half


def test_a_sure_failure_is_not_hidden_behind_a_worse_slice_too_small_to_be_sure():
    rng, rows = np.random.default_rng(0), 2000
    label = (rng.random(rows) < 0.4).astype("int8")
    group = np.r_[np.full(24, "tiny"), np.full(700, "failed"), np.full(rows - 724, "rest")]
    sharp = np.clip(label * 0.5 + rng.random(rows) * 0.5, 0, 1)
    dull = np.clip(label * 0.15 + rng.random(rows) * 0.85, 0, 1)
    score = np.where(group == "failed", dull, sharp)
    score[:24] = np.clip(label[:24] * 0.25 + rng.random(24), 0, 1)
    rule = {"columns": ["plan"], "min_rows": 20, "min_class": 5, "max_gap": 0.1}
    evidence = replace(
        good(), test=pd.DataFrame({"plan": group}), label=label, score=score, params=params({"slices": rule})
    )

    (verdict,) = slices.judge(evidence)

    gaps = {row["slice"]: row["gap"] for row in verdict.evidence}
    assert gaps["plan=tiny"] > gaps["plan=failed"] > 0.1
    assert not verdict.passed
    assert verdict.severity == "critical"
    assert "plan=failed" in verdict.reason


def test_all_columns_are_sliced_when_none_is_named():
    settings = params({"slices": {"min_rows": 50}})

    verdicts = slices.judge(replace(good(), params=settings))

    assert [v.gate for v in verdicts] == [f"slices: {name}" for name in ("usage", "visits", "plan", "region")]


def test_a_small_slice_is_named_with_its_rows():
    settings = params({"slices": {"columns": ["plan"], "min_rows": 500}})

    verdicts = slices.judge(replace(good(), params=settings))

    rows = int((good().test["plan"] == "pro").sum())
    assert f"plan=pro ({rows} rows," in verdicts[-1].reason
    assert (verdicts[-1].passed, verdicts[-1].severity) == (False, "warning")
