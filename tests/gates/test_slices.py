from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score

from ml.gates import refused, slices
from ml.gates.slicing import Rival, holm, measured, sliced
from ml.tasks.choose import task_of
from tests.gates.crowds import build
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


def test_bins_are_named_with_short_numbers_and_begin_at_the_lowest_value():
    names = [level for level, _ in sliced(pd.Series([0, 0.34, 0.35, 7.69, 9.591, 20.1, 44.5, 2253.5601]), bins=4)]

    assert {"[0, 0.35]"} < {*names}
    assert not any("000" in name or "999" in name or name.startswith("(-") for name in names)


def test_some_of_many_small_slices_are_named_and_the_others_counted():
    found = slices.judge(replace(good(), params=params({"slices": {"min_rows": 10_000, "bins": 20}})))

    (verdict,) = found
    assert len(verdict.evidence) > 12
    assert f"and {len(verdict.evidence) - 6} more" in verdict.reason


def test_a_number_with_few_values_is_sliced_by_value():
    assert [level for level, _ in sliced(pd.Series([0.0, 1.0, 1.0]), bins=4)] == ["0", "1"]


def test_a_missing_value_and_a_level_called_missing_are_two_slices():
    parts = sliced(pd.Series(["missing", None, "a"], dtype=object), bins=4)

    assert [(level, int(rows.sum())) for level, rows in parts] == [("a", 1), ("missing", 1), ("(missing)", 1)]


def test_the_metric_of_a_slice_is_scikit_learns_on_its_rows():
    evidence = good()
    theirs = evidence.champion.score

    found = measured(evidence.test[["plan"]], evidence.label, evidence.score, evidence.params, rival(theirs))

    for part in found:
        rows = (evidence.test["plan"] == part.level).to_numpy()
        now, then = (roc_auc_score(evidence.label[rows], score[rows]) for score in (evidence.score, theirs))
        assert part.value == pytest.approx(now)
        assert part.gain == pytest.approx(now - then)


def rival(score):
    """A champion that has seen none of the rows."""
    return Rival("version 1", score, task_of(params().data, params().evaluate), np.ones(len(score), dtype=bool))


def test_holms_correction_agrees_with_statsmodels_example():
    """Values of `multipletests(method="holm")`."""
    assert holm([0.01, 0.04, np.nan, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 1, 0.06, 0.02])


@pytest.mark.slow
def test_the_truth_sliced_by_a_strong_predictor_is_not_refused():
    """Within a slice of the strong column less information is left; every slice has a lower metric than all rows."""
    evidence = build(1200, 0, {"slices": {"columns": ["strong", "group"], "min": 0.5}}, (0.5, 0.0))
    inside = measured(evidence.test[["strong"]], evidence.label, evidence.score, evidence.params)

    verdicts = slices.judge(evidence)

    assert min(part.value for part in inside if part.judged) < roc_auc_score(evidence.label, evidence.score) - 0.1
    assert not refused(verdicts)


@pytest.mark.slow
def test_models_as_good_as_the_champion_are_seldom_refused():
    """Nominally 2.5 % have a slice significantly behind; 5 of 40 occur once in 1,000."""
    rule = {"slices": {"columns": ["strong", "group"], "margin": 0.0}}

    assert sum(bool(refused(slices.judge(build(1000, seed, rule, (0.5, 0.5))))) for seed in range(40)) < 5


def test_a_significant_failure_is_not_hidden_by_a_worse_slice_that_is_too_small():
    rng, rows = np.random.default_rng(0), 2000
    label = (rng.random(rows) < 0.4).astype("int8")
    group = np.r_[np.full(12, "tiny"), np.full(700, "failed"), np.full(rows - 712, "rest")]
    sharp = np.clip(label * 0.5 + rng.random(rows) * 0.5, 0, 1)
    dull = np.clip(label * 0.3 + rng.random(rows) * 0.7, 0, 1)
    score = np.where(group == "failed", dull, sharp)
    score[:12] = np.clip(label[:12] * 0.2 + rng.random(12), 0, 1)
    settings = params({"slices": {"columns": ["plan"], "min_rows": 12, "min_class": 3}})
    frame = pd.DataFrame({"plan": group, "id": np.arange(rows).astype(str)})
    found = measured(frame[["plan"]], label, score, settings, rival(sharp))

    verdict = slices.worst(found, settings.gates.slices, rival(sharp))

    gains = {row["slice"]: row["advantage"] for row in verdict.evidence}
    assert gains["plan=tiny"] < gains["plan=failed"] < -0.05
    assert not verdict.passed
    assert verdict.severity == "critical"
    assert "plan=failed" in verdict.reason


def test_without_a_champion_only_the_minimum_judges_and_the_verdict_says_so():
    first = replace(good(), champion=None)

    floor = slices.judge(replace(first, params=params({"slices": {"columns": ["plan"], "min": 0.7}})))
    nothing = slices.judge(replace(first, params=params({"slices": {"columns": ["plan"], "min": None}})))

    assert "judged only by gates.slices.min" in floor[0].reason
    assert "for information only: there is no champion" in nothing[0].reason
    assert "+" not in nothing[0].reason
    assert floor[0].passed
    assert nothing[0].passed


def test_a_champion_that_may_have_trained_on_the_rows_only_warns():
    evidence = good()
    worse = replace(evidence, score=1 - evidence.score, params=params({"slices": {"columns": ["plan"], "min": None}}))
    unknown = replace(worse, champion=replace(worse.champion, params={}))

    (sure,), (unsure,) = slices.judge(worse), slices.judge(unknown)

    assert (sure.passed, sure.severity) == (False, "critical")
    assert (unsure.passed, unsure.severity) == (False, "warning")
    assert "no record of" in unsure.reason


def test_a_renamed_setting_is_refused_with_its_new_name():
    with pytest.raises(ValidationError, match=r"max_gap was removed"):
        params({"slices": {"max_gap": 0.1}})


@pytest.mark.slow
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
