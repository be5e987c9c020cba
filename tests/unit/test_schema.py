import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.data import schema
from ml.settings.params import read_params
from ml.tasks import two_words
from tests.conftest import SAMPLE
from tests.rows import tables

DATA = read_params(SAMPLE).data


def test_conform_gives_the_types_of_the_contract(customers):
    frame = schema.conform(customers, DATA)

    assert (frame[schema.numbers(DATA)].dtypes == "float64").all()
    assert frame["plan"].dtype == object
    assert list(frame) == schema.required(DATA)


def test_conform_does_not_change_its_argument(customers):
    before = customers.copy(deep=True)

    schema.conform(customers, DATA)

    pd.testing.assert_frame_equal(customers, before)


def test_conform_names_every_missing_column(customers):
    with pytest.raises(schema.ContractError) as caught:
        schema.conform(customers.drop(columns=["plan", "tenure_months"]).assign(tenure=1), DATA)

    assert [column for column, _ in caught.value.problems] == ["tenure_months", "plan"]
    assert "outside the contract: tenure" in str(caught.value)


def test_conform_counts_unreadable_numbers_and_shows_one(customers):
    text = customers["usage_hours"].astype(str).where(customers.index != 36, "many")

    with pytest.raises(
        schema.ContractError, match=r"usage_hours: 1 of 1,200 rows are not a number, e.g. 'many' at row 37"
    ):
        schema.conform(customers.assign(usage_hours=text), DATA)


def test_conform_counts_unreadable_dates(customers):
    with pytest.raises(schema.ContractError, match="snapshot: 1,200 of 1,200 rows are not a date"):
        schema.conform(customers.assign(snapshot="soon"), DATA)


@pytest.mark.parametrize("raw", [[1, 2, 1], [1.0, 2.0, 1.0], ["1", "2", "1"], pd.Categorical(["1", "2", "1"])], ids=str)
def test_a_level_is_equal_in_every_storage_type(raw):
    assert schema.levels(pd.Series(raw)).tolist() == ["1", "2", "1"]


def test_a_missing_level_is_none():
    assert schema.levels(pd.Series(["a", None, np.nan], dtype="str")).tolist() == ["a", None, None]


@pytest.mark.parametrize(
    ("stored", "positive"),
    [([True, False], True), ([1, 0], 1), ([1.0, 0.0], 1), (["yes", "no"], "yes"), (["True", "False"], True)],
    ids=str,
)
def test_the_label_of_the_positive_value_is_one(stored, positive):
    data = DATA.model_copy(update={"target": DATA.target.model_copy(update={"positive": positive})})

    assert two_words.labels(pd.DataFrame({"churned": stored}), data).tolist() == [1, 0]


@pytest.mark.slow
@given(tables(DATA))
def test_rows_that_meet_the_contract_are_readable(frame):
    inputs = schema.inputs(frame, DATA)

    assert list(inputs) == schema.features(DATA)
    assert inputs[schema.numbers(DATA)].notna().equals(frame[schema.numbers(DATA)].notna())


@given(st.lists(st.sampled_from(["a", "b", None]), min_size=1))
def test_levels_are_idempotent(values):
    once = schema.levels(pd.Series(values, dtype=object))

    assert schema.levels(once).tolist() == once.tolist()


def test_numbers_among_text_levels_are_read_as_text():
    column = pd.Series([2, 2.0, "2", None, True], dtype=object)

    assert schema.levels(column).tolist() == ["2", "2", "2", None, "True"]
