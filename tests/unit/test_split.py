import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.data import split
from ml.data.split import folds, is_test, position
from ml.io.errors import UserError
from ml.settings.params import read_params
from ml.settings.prepare import Prepare
from tests.conftest import SAMPLE

DATA = read_params(SAMPLE).data
HASH = Prepare(test_share=0.2, split_by="hash")


def test_the_position_of_an_id_never_changes():
    assert position(pd.Series(["c0010000", "42"])) == pytest.approx([0.98534868, 0.34259396], abs=1e-8)


@given(st.lists(st.text(min_size=1), min_size=2, unique=True), st.randoms())
def test_the_side_of_a_row_does_not_depend_on_other_rows(ids, random):
    frame = pd.DataFrame({"customer_id": ids})
    some = frame.sample(frac=0.5, random_state=random.randint(0, 1000))

    assert (is_test(frame, DATA, HASH)[some.index] == is_test(some, DATA, HASH)).all()


@given(st.floats(0.05, 0.45), st.floats(0.5, 0.95))
def test_a_larger_test_side_contains_the_smaller_one(small, large):
    frame = pd.DataFrame({"customer_id": range(200)})

    inner = is_test(frame, DATA, Prepare(test_share=small))
    outer = is_test(frame, DATA, Prepare(test_share=large))

    assert (outer | ~inner).all()


def test_the_test_share_matches_the_setting():
    frame = pd.DataFrame({"customer_id": np.arange(100_000)})

    assert is_test(frame, DATA, HASH).mean() == pytest.approx(0.2, abs=0.005)


def test_by_time_every_test_row_is_newer_than_every_training_row(customers):
    side = is_test(customers, DATA, Prepare(test_share=0.2, split_by="time"))

    assert customers["snapshot"][side].min() > customers["snapshot"][~side].max()
    assert 0 < side.mean() <= 0.2


@given(st.lists(st.text(min_size=1), min_size=2, unique=True), st.randoms())
def test_the_fold_of_a_row_does_not_depend_on_other_rows(ids, random):
    frame = pd.DataFrame({"customer_id": ids})
    some = frame.sample(frac=0.5, random_state=random.randint(0, 1000))

    whole = [set(frame["customer_id"].iloc[held]) for _, held in folds(frame, DATA, HASH, 3)]
    part = [set(some["customer_id"].iloc[held]) for _, held in folds(some, DATA, HASH, 3)]

    assert all(few <= many for few, many in zip(part, whole, strict=True))
    assert sum(map(len, whole)) == len(frame)


def test_folds_by_time_hold_out_later_rows():
    days = pd.date_range("2026-01-01", periods=10).repeat(7)
    frame = pd.DataFrame({"snapshot": days}).sample(frac=1, random_state=0)

    found = folds(frame, DATA, Prepare(split_by="time"), 4)

    times = frame["snapshot"].to_numpy()
    assert len(found) == 4
    assert all(times[rest].max() < times[held].min() for rest, held in found)
    assert times[found[-1][1]].max() == days.max()


def test_rows_with_one_time_have_no_fold_by_time():
    frame = pd.DataFrame({"snapshot": [pd.Timestamp("2026-01-01")] * 9})

    assert folds(frame, DATA, Prepare(split_by="time"), 4) == []


@pytest.mark.parametrize(("train", "test", "said"), [(9, 0, "no test row.*higher"), (0, 1, "no training row.*lower")])
def test_an_empty_side_of_a_hash_split_is_reported(params, train, test, said):
    with pytest.raises(UserError, match=f"{said} prepare.test_share, another prepare.salt, or use more rows"):
        split.must_have_rows(train, test, params.data, Prepare(test_share=0.01))


@pytest.mark.parametrize(
    ("change", "gap", "said"),
    [
        (
            {"group": "plan"},
            0,
            "has a plan that is also among the newest rows. To predict later .* remove data.group; to",
        ),
        (
            {"group": "plan"},
            3,
            "newest rows, or is in the 3 days of prepare.gap_days .* smaller prepare.gap_days leaves",
        ),
        ({}, 3, "all older rows are in the 3 days of prepare.gap_days .* set prepare.split_by: hash"),
    ],
)
def test_a_split_by_time_without_training_rows_says_what_to_change(params, change, gap, said):
    data = params.data.model_copy(update=change)

    with pytest.raises(UserError, match=said):
        split.must_have_rows(0, 9, data, Prepare(split_by="time", gap_days=gap))
