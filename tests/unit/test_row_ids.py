"""The column that identifies a row, and the ids of a table without such a column."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.adoption import adopt_changes, made_ids
from ml.adoption.exported_files import ExportedTable
from ml.data import row_ids
from ml.data.reading import Table
from ml.settings.data import Data
from ml.settings.params import read_params
from tests.conftest import SAMPLE

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
def test_the_intended_id_column_is_found(columns, expected):
    assert [*row_ids.identities(table(**columns), "y"), None][0] == expected


def test_possible_ids_are_distinguished_from_clear_ones():
    frame = table(cust=range(0, 97 * ROWS, 97), income=range(0, 7 * ROWS, 7), note=[f"n {i}" for i in range(ROWS)])

    assert row_ids.identities(frame, "y") == ["cust"]
    assert row_ids.perhaps(frame, "y") == ["income", "note"]


def test_made_ids_depend_only_on_the_values_of_a_row():
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


def test_a_made_name_is_unused():
    assert row_ids.free_name(table(row_id=1)) == "row_id_2"


@pytest.mark.parametrize(
    "columns",
    [
        {"a": ["1", "2.50", "3"]},
        {"a": ["$1,234.50", "$2", "?"]},
        {"a": ["1.000", "2.500.000", "3"]},
        {"a": [" x", "NA", " x"]},
        {"a": ["007", "0815", "007"]},
        {"a": ["TRUE", "false", None], "b": ["1,234", "5,678", "9,999"]},
        {"a": ["2024-01-01", "2024-01-02", "2024-01-03"]},
    ],
)
def test_fresh_rows_get_the_ids_of_adopt(columns):
    frame = pd.DataFrame({**columns, "c": ["1", "2", "4"], "y": ["yes", "no ", "yes"]}, dtype="str")
    roles = {"id": "", "time": "", "group": "", "weight": ""}
    read = ExportedTable(Table(frame, []), as_it_is=False)
    new = adopt_changes.described(Path("a.csv"), read, adopt_changes.NewTable("y", roles, "", ""))
    data = Data(**new.contract)

    again = made_ids.given(frame[1:].copy(), data)

    assert again["row_id"].tolist() == new.ours["row_id"][1:].tolist()
    assert made_ids.given(again, data) is again


def test_only_ids_of_adopt_are_recomputed():
    data = read_params(SAMPLE).data

    assert data.id not in made_ids.given(pd.DataFrame({"a": [1, 2]}), data)


def test_ids_do_not_depend_on_the_chunk_size(monkeypatch):
    frame = table(n=[1, None, 2] * (ROWS // 3))
    whole = row_ids.made(frame)
    monkeypatch.setattr(row_ids, "BLOCK", 7)

    assert row_ids.made(frame).tolist() == whole.tolist()
