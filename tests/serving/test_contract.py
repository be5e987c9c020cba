"""Which values of a row are taken, and as what."""

import json

import pandas as pd
import pytest
from pydantic import ValidationError

from ml import schema
from ml.data_params import Category
from ml.params import read_params
from serving.contract import body
from tests.conftest import SAMPLE

COLUMNS = {"grade": ("-1", "2", "3.5", "True"), "plan": ("basic",)}
DATA = read_params(SAMPLE).data.model_copy(
    update={"columns": {name: Category(type="category", values=values) for name, values in COLUMNS.items()}}
)
BODY = body(DATA, 10, "refuse")


def taken(**row):
    return BODY.adapter.validate_json(json.dumps({"rows": [{"grade": "2", "plan": "basic"} | row]}))["rows"][0]


@pytest.mark.parametrize("value", [-1, 2, 2.0, "2", 3.5, True])
def test_a_level_that_looks_like_a_number_may_be_one_and_is_what_training_makes_of_it(value):
    assert taken(grade=value)["grade"] == schema.levels(pd.Series([value], dtype=object))[0]


@pytest.mark.parametrize("row", [{"grade": 3}, {"grade": False}, {"grade": None}, {"grade": [2]}, {"plan": 1}])
def test_any_other_value_is_refused(row):
    with pytest.raises(ValidationError):
        taken(**row)
