"""Which column identifies a row, and the ids of a table that has no such column."""

import numpy as np
import pandas as pd
import pytest

from ml.data import row_ids

ROWS = 60


def table(**columns):
    return pd.DataFrame({"x": np.linspace(0, 1, ROWS), **columns, "y": ["a", "b"] * (ROWS // 2)})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"customerID": range(7, 7 + 3 * ROWS, 3)}, "customerID"),
        ({"Unnamed: 0": range(ROWS)}, "Unnamed: 0"),
        ({"n": range(ROWS), "loan_id": range(ROWS)}, "loan_id"),
        ({"sku": [f"s{i}" for i in range(ROWS)]}, "sku"),
        ({"Unnamed: 0": range(ROWS), "customer_id": [f"c{i}" for i in range(ROWS)]}, "customer_id"),
        ({"cust": range(1000, 1000 + 97 * ROWS, 97)}, "cust"),
        ({"Patient": [f"Mr {i}" for i in range(ROWS)]}, "Patient"),
        ({"userCode": [f"u {i}" for i in range(ROWS)]}, "userCode"),
        ({"konto": [5 * (i % 12) + i // 12 + 400 for i in range(ROWS)]}, "konto"),
        ({"konto": range(0, 3 * ROWS, 3)}, None),
        ({"account_balance": range(0, 7 * ROWS, 7)}, None),
        ({"income": range(1000, 1000 + 7 * ROWS, 7)}, None),
        ({"paid": range(0, 7 * ROWS, 7)}, None),
        ({"note": [f"note {i}" for i in range(ROWS)]}, None),
        ({"id": [1.5 * i for i in range(ROWS)]}, None),
        ({"id": [7.0 * i for i in range(ROWS)]}, "id"),
        ({"id": [2.0**53 + 2 * i for i in range(ROWS)]}, None),
        ({}, None),
    ],
    ids=["name in capitals", "index", "two that count", "codes", "an index and an id", "a thing", "a person",
         "a code with spaces", "numbers too dense for chance", "numbers not too dense", "of a thing",
         "numbers by chance", "id inside a word", "texts", "decimals", "whole floats", "floats that are not exact",
         "none"],
)  # fmt: skip
def test_the_id_is_what_is_meant_to_be_one(columns, expected):
    assert [*row_ids.identities(table(**columns), "y"), None][0] == expected


def test_columns_that_may_be_the_id_are_told_apart_from_those_that_are():
    frame = table(cust=range(0, 97 * ROWS, 97), income=range(0, 7 * ROWS, 7), note=[f"n {i}" for i in range(ROWS)])

    assert row_ids.identities(frame, "y") == ["cust"]
    assert row_ids.perhaps(frame, "y") == ["income", "note"]


def test_made_ids_depend_on_what_a_row_holds_alone():
    frame = table(n=range(ROWS))
    other = frame[frame.columns[::-1]].assign(n=frame["n"].astype(float)).sample(frac=1, random_state=0)

    ids = row_ids.made(frame)

    assert ids.is_unique
    assert row_ids.made(other)[frame.index].tolist() == ids.tolist()


def test_equal_rows_are_numbered():
    frame = pd.DataFrame({"a": [1, None, 1, 1, None]})

    first, empty, second, third, again = row_ids.made(frame)

    assert (second, third, again) == (f"{first}-2", f"{first}-3", f"{empty}-2")
    assert first != empty


def test_a_made_name_is_free():
    assert row_ids.free_name(table(row_id=1)) == "row_id_2"


def test_fresh_rows_get_the_ids_that_adopting_made():
    table = pd.DataFrame({"a": [1, 2], "y": [0, 1]})
    adopted = table.assign(row_id=row_ids.made(table))

    assert row_ids.given(table[1:].copy(), "row_id")["row_id"].tolist() == adopted["row_id"][1:].tolist()
    assert row_ids.given(adopted, "row_id") is adopted
    assert "customer" not in row_ids.given(table, "customer")


def test_ids_do_not_depend_on_how_many_rows_are_hashed_at_a_time(monkeypatch):
    frame = table(n=[1, None, 2] * (ROWS // 3))
    whole = row_ids.made(frame)
    monkeypatch.setattr(row_ids, "BLOCK", 7)

    assert row_ids.made(frame).tolist() == whole.tolist()
