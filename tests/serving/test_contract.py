"""The accepted values of a row, and their types."""

import json

import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from ml.data import schema
from ml.model.model_contract import Contract
from ml.settings.data import Category
from ml.settings.params import read_params
from serving.problems import problems
from serving.request_model import body, feedback
from tests.conftest import SAMPLE

COLUMNS = {"grade": ("-1", "2", "3.5", "True"), "plan": ("basic",)}
DATA = read_params(SAMPLE).data.model_copy(
    update={"columns": {name: Category(type="category", values=values) for name, values in COLUMNS.items()}}
)
BODY = body(DATA, 10, "refuse")
FEEDBACK = TypeAdapter(feedback(Contract(project="churn", threshold=0.5, data=DATA)))


def taken(**row):
    return BODY.adapter.validate_json(json.dumps({"rows": [{"grade": "2", "plan": "basic"} | row]}))["rows"][0]


@pytest.mark.parametrize("value", [-1, 2, 2.0, "2", 3.5, True])
def test_a_level_that_looks_like_a_number_is_read_as_in_training(value):
    assert taken(grade=value)["grade"] == schema.levels(pd.Series([value], dtype=object))[0]


@pytest.mark.parametrize("row", [{"grade": 3}, {"grade": False}, {"grade": None}, {"grade": [2]}, {"plan": 1}])
def test_any_other_value_is_refused(row):
    with pytest.raises(ValidationError):
        taken(**row)


@pytest.mark.parametrize(
    ("adapter", "sent", "sentence"),
    [
        (BODY.adapter, {}, "rows: Field required"),
        (BODY.adapter, {"rows": [3]}, "row 0: Input should be a valid dictionary"),
        (
            BODY.adapter,
            {"rows": [{"plan": "basic"}]},
            "row 0, grade: the column is missing; allowed: one of -1, 2, 3.5, True",
        ),
        (BODY.rows, [{"grade": 2, "plan": "no"}], "row 0, plan: Input should be 'basic'; allowed: one of basic"),
        (BODY.rows, 3, "Input should be a valid list"),
        (FEEDBACK, {"labels": []}, "labels: List should have at least 1 item after validation, not 0"),
        (FEEDBACK, {"labels": [{"id": "a", "label": True}, {"id": "b"}]}, "label 1, label: the column is missing"),
        (
            FEEDBACK,
            {"labels": [{"id": "a", "label": True, "grade": 2}]},
            "label 0, grade: the contract has no such column; allowed: one of id, label",
        ),
    ],
)
def test_an_error_states_its_position(adapter, sent, sentence):
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(sent)

    assert problems(caught.value, DATA)[0]["msg"] == sentence


def labels_of(positive, negative, *sent):
    target = DATA.target.model_copy(update={"positive": positive})
    model = Contract(project="churn", threshold=0.5, data=DATA.model_copy(update={"target": target}), negative=negative)
    adapter = TypeAdapter(feedback(model))
    return [adapter.validate_python({"labels": [{"id": "a", "label": label}]})["labels"][0]["label"] for label in sent]


def test_a_label_is_stored_as_a_value_of_the_target():
    assert labels_of("Yes", "No", True, False, "Yes", "No") == ["Yes", "No", "Yes", "No"]
    assert labels_of(1, "0", True, False, 1, 0, "1", 1.0) == ["1", "0", "1", "0", "1", "1"]
    assert labels_of(True, None, True, "false", "True") == [True, False, True]


@pytest.mark.parametrize(
    ("positive", "negative", "label"), [("Yes", "No", "maybe"), ("Yes", "No", 1), (True, None, 1), (True, None, "Yes")]
)
def test_a_label_outside_the_target_is_refused_with_the_allowed_values(positive, negative, label):
    with pytest.raises(ValidationError) as caught:
        labels_of(positive, negative, label)

    assert "not a label of the target; allowed: true, false" in problems(caught.value, DATA)[0]["msg"]


def test_a_model_without_a_recorded_negative_value_accepts_any_other():
    assert labels_of("Yes", None, True, "paid", 3) == ["Yes", "paid", 3]


@pytest.mark.parametrize("value", [2**60, -(2**60), 1.5, 1e300, "", " \t", "x" * 201, True, [1], {"a": 1}])
@pytest.mark.parametrize("first", [None, 5])
def test_an_invalid_id_gives_one_error_with_the_allowed_values(value, first):
    row = {"grade": "2", "plan": "basic", DATA.id: value}
    adapter, sent = (BODY.adapter, {"rows": [row]}) if first is None else (BODY.rows, [row])

    with pytest.raises(ValidationError) as found:
        adapter.validate_python(sent)

    (problem,) = problems(found.value, DATA, first)
    assert (problem["row"], problem["column"]) == (first or 0, DATA.id)
    assert "larger ones as text" in problem["allowed"]
