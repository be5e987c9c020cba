from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from ml.gates import behaviour, leakage
from ml.gates.leakage import columns, repeated_rows, shared, sums, time_order
from ml.io import tables
from ml.settings.data import Data
from ml.tasks.rank_auc import one_column as alone
from tests.gates.world import good, params

DATA = params().data
RNG = np.random.default_rng(0)
LABEL = RNG.integers(0, 2, 400)


def test_a_number_alone_has_scikit_learns_roc_auc_in_its_better_direction():
    number = LABEL + RNG.normal(0, 1, 400)

    assert alone(pd.Series(number), LABEL) == pytest.approx(roc_auc_score(LABEL, number))
    assert alone(pd.Series(-number), LABEL) == pytest.approx(roc_auc_score(LABEL, number))


def test_levels_that_reveal_the_target_are_found_under_any_name():
    codes = np.where(LABEL == 1, RNG.choice(["x", "q"], 400), RNG.choice(["a", "z"], 400))

    assert alone(pd.Series(codes, dtype=object), LABEL) == 1.0


@pytest.mark.parametrize("kind", ["number", "category"])
def test_a_value_that_is_missing_only_for_one_class_is_found(kind):
    known = pd.Series(RNG.normal(0, 1, 400)) if kind == "number" else pd.Series(["same"] * 400, dtype=object)
    column = known.where(LABEL == 0, None if kind == "category" else np.nan)

    assert alone(column, LABEL) == 1.0


def test_a_column_without_information_has_an_auc_of_one_half():
    assert alone(pd.Series(np.ones(400)), LABEL) == 0.5


def test_a_proven_leak_refuses_and_a_suspected_one_warns():
    train = good().train
    copy = train["left"].astype("float64")
    near = copy + RNG.normal(0, 0.2, len(train))

    certain, suspect = (columns(train.assign(visits=c), DATA, suspect=0.98) for c in (copy, near))

    assert (certain.passed, certain.severity) == (False, "critical")
    assert "visits alone determines the target" in certain.reason
    assert (suspect.passed, suspect.severity) == (False, "warning")
    assert "visits (0.99" in suspect.reason


def test_the_evidence_ranks_every_column():
    verdict = columns(good().train, DATA, suspect=0.98)

    ranked = [row["roc_auc"] for row in verdict.evidence]
    assert {row["column"] for row in verdict.evidence} == set(DATA.columns)
    assert ranked == sorted(ranked, reverse=True)


def test_an_id_on_both_sides_is_named():
    train, test = good().train, good().test

    verdict = shared("ids", "id", pd.concat([train, test.tail(2)]), test)

    assert not verdict.passed
    assert "2 ids are in training and test rows" in verdict.reason
    assert str(test["id"].iloc[-1]) in verdict.reason or str(test["id"].iloc[-2]) in verdict.reason


def test_repeated_rows_are_counted_by_their_features_alone():
    train, test = good().train, good().test
    copies = test.head(50).assign(id="other", day=pd.NaT, left=0)

    verdict = repeated_rows(pd.concat([train, copies]), test, DATA, limit=0.01)

    assert verdict.value == pytest.approx(50 / len(test))
    assert not verdict.passed
    assert "equal by chance" in verdict.reason


def test_a_training_row_as_new_as_a_test_row_breaks_a_split_by_time():
    frame = good().train.sort_values("day")
    train, test = frame.head(1000), frame[frame["day"] > frame["day"].iloc[1000]]

    kept, broken = (time_order(t, test, DATA, by_time=True) for t in (train, pd.concat([train, test.head(1)])))

    assert kept.passed
    assert not broken.passed
    assert "1 training row is not older" in broken.reason


def test_a_split_by_hash_needs_no_order_in_time():
    mixed = replace(good())

    assert time_order(mixed.train, mixed.test, DATA, by_time=False).passed


@pytest.mark.parametrize(("noise", "sum_of"), [(0.0, "registered, casual"), (9.0, "")])
def test_a_number_that_is_the_sum_of_its_parts_is_named(noise, sum_of):
    rng = np.random.default_rng(0)
    train = pd.DataFrame(rng.poisson((30, 90, 5), (400, 3)), columns=["casual", "registered", "wind"])
    train = train.assign(still=1, total=train["casual"] + 2 * train["registered"] + noise * rng.normal(size=400))
    kinds = {name: {"type": "number"} for name in train.columns[:-1]}
    data = Data(file="a.csv", id="id", target={"name": "total", "task": "regression"}, columns=kinds)

    verdict = sums(train, data)

    assert (verdict.passed, verdict.severity) == (not sum_of, "warning")
    assert (f"weighted sum of {sum_of}:" in verdict.reason) == bool(sum_of)


@pytest.mark.slow
def test_a_table_on_disk_gets_the_same_verdicts_as_in_memory(tmp_path):
    held = good()
    tables.write_table(held.train, tmp_path / "train.parquet")
    stored = replace(held, train=tables.StoredTable(tmp_path / "train.parquet"))

    assert [*leakage.judge(stored), *behaviour.judge(stored)] == [*leakage.judge(held), *behaviour.judge(held)]
