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


def test_conform_leaves_its_argument_alone(customers):
    before = customers.copy(deep=True)

    schema.conform(customers, DATA)

    pd.testing.assert_frame_equal(customers, before)


def test_conform_names_every_missing_column(customers):
    with pytest.raises(schema.ContractError) as caught:
        schema.conform(customers.drop(columns=["plan", "tenure_months"]).assign(tenure=1), DATA)

    assert [column for column, _ in caught.value.problems] == ["tenure_months", "plan"]
    assert "outside the contract: tenure" in str(caught.value)


def test_conform_counts_what_is_no_number_and_shows_one(customers):
    text = customers["usage_hours"].astype(str).where(customers.index != 36, "many")

    with pytest.raises(
        schema.ContractError, match=r"usage_hours: 1 of 1,200 rows are not a number, e.g. 'many' at row 37"
    ):
        schema.conform(customers.assign(usage_hours=text), DATA)


def test_conform_counts_what_is_no_date(customers):
    with pytest.raises(schema.ContractError, match="snapshot: 1,200 of 1,200 rows are not a date"):
        schema.conform(customers.assign(snapshot="soon"), DATA)


@pytest.mark.parametrize("raw", [[1, 2, 1], [1.0, 2.0, 1.0], ["1", "2", "1"], pd.Categorical(["1", "2", "1"])], ids=str)
def test_a_level_is_the_same_however_it_is_stored(raw):
    assert schema.levels(pd.Series(raw)).tolist() == ["1", "2", "1"]


def test_a_missing_level_is_none():
    assert schema.levels(pd.Series(["a", None, np.nan], dtype="str")).tolist() == ["a", None, None]


@pytest.mark.parametrize(
    ("stored", "positive"),
    [([True, False], True), ([1, 0], 1), ([1.0, 0.0], 1), (["yes", "no"], "yes"), (["True", "False"], True)],
    ids=str,
)
def test_labels_are_one_where_the_target_has_its_positive_value(stored, positive):
    data = DATA.model_copy(update={"target": DATA.target.model_copy(update={"positive": positive})})

    assert two_words.labels(pd.DataFrame({"churned": stored}), data).tolist() == [1, 0]


@given(tables(DATA))
def test_rows_that_keep_the_contract_are_readable(frame):
    inputs = schema.inputs(frame, DATA)

    assert list(inputs) == schema.features(DATA)
    assert inputs[schema.numbers(DATA)].notna().equals(frame[schema.numbers(DATA)].notna())


@given(st.lists(st.sampled_from(["a", "b", None]), min_size=1))
def test_levels_twice_is_levels_once(values):
    once = schema.levels(pd.Series(values, dtype=object))

    assert schema.levels(once).tolist() == once.tolist()


def test_levels_that_are_numbers_among_text_read_as_text():
    column = pd.Series([2, 2.0, "2", None, True], dtype=object)

    assert schema.levels(column).tolist() == ["2", "2", "2", None, "True"]
