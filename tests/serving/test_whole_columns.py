"""Integer and boolean columns of the contract: tables, requests and OpenAPI have the same types and refusals."""

import pandas as pd
import pytest
from pydantic import ValidationError

from ml.data import number_columns
from ml.settings.data import Data, Number
from serving import request_model

COLUMNS = {
    "rooms": {"type": "integer", "min": 0, "max": 9},
    "paid": {"type": "boolean"},
    "open": {"type": "boolean", "missing": 0.5},
}
DATA = Data.model_validate({"file": "a.csv", "id": "id", "target": {"name": "y"}, "columns": COLUMNS})
BODY = request_model.body(DATA, 10, "refuse")


@pytest.mark.parametrize(
    "row", [{"rooms": 3, "paid": True}, {"rooms": 3.0, "paid": 1, "open": None}, {"rooms": "3", "paid": "true"}]
)
def test_a_request_with_integers_and_booleans_is_accepted(row):
    (taken,) = BODY.rows.validate_python([row])

    assert (taken["rooms"], taken["paid"]) == (3.0, 1.0)


@pytest.mark.parametrize(
    "row",
    [{"rooms": 3.5, "paid": True}, {"rooms": 3, "paid": 0.5}, {"rooms": 3, "paid": 2}, {"rooms": "3.5", "paid": 1}],
)
def test_a_request_with_decimals_is_refused(row):
    with pytest.raises(ValidationError):
        BODY.rows.validate_python([row])


def test_openapi_names_the_types_and_the_example_is_valid():
    found = BODY.adapter.json_schema()
    fields = found["$defs"]["Row"]["properties"]

    assert fields["rooms"] == {"maximum": 9.0, "minimum": 0.0, "title": "Rooms", "type": "integer"}
    assert fields["paid"]["type"] == "boolean"
    assert fields["open"]["anyOf"] == [{"type": "boolean"}, {"type": "null"}]
    BODY.rows.validate_python([request_model.example(DATA)])


@pytest.mark.parametrize(
    ("column", "cells", "wrong"),
    [("rooms", ["1", "2.5", "x"], 2), ("paid", ["true", "0", "0.5"], 1), ("rooms", ["1", "2.0", "?"], 0)],
)
def test_a_table_with_decimals_is_refused(column, cells, wrong):
    found = number_columns.number(pd.Series(cells, name=column, dtype="str"), DATA.columns[column])

    assert sum(int(rows.sum()) for rows in found.wrong.values()) == wrong


def test_a_boolean_has_no_limits():
    assert (DATA.columns["paid"].min, DATA.columns["paid"].max) == (0, 1)
    with pytest.raises(ValidationError, match="a boolean has no min, max and usual"):
        Number.model_validate({"type": "boolean", "max": 2})
