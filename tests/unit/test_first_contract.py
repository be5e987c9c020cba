"""Messages of `adopt` about unusual targets and times, and about tables without a feature."""

import re

import numpy as np
import pandas as pd
import pytest

from ml.adoption import inference, proposed_contract
from ml.adoption.proposed_limits import limits
from ml.io.errors import UserError

ROWS = 60


def contract(target="y", roles=None, **columns):
    """The first contract for these columns of text, as read from CSV."""
    frame = pd.DataFrame({name: pd.Series([*map(str, values)], dtype="str") for name, values in columns.items()})
    found = inference.typed(frame, target, "", (roles or {}).get("time", "")).frame
    section, _ = proposed_contract.infer(found, "t.csv", target, roles or {})
    return section | (inference.time_format(frame[section["time"]], "") if "time" in section else {})


def test_a_target_of_money_is_a_number_to_predict():
    found = contract(y=[f"€ {n * 1000.5:,.2f}" for n in range(ROWS)], a=[n / 2 for n in range(ROWS)])

    assert found["target"] == {"name": "y", "task": "regression"}


def test_classes_that_are_signed_whole_numbers_are_in_order():
    assert (
        contract(y=[f"{n % 11} %" for n in range(ROWS)], a=[n / 2 for n in range(ROWS)])["target"]["classes"][-1]
        == "10 %"
    )


@pytest.mark.parametrize("columns", [{"y": [0, 1] * 30}, {"y": [0, 1] * 30, "a": [f"k{n}" for n in range(ROWS)]}])
def test_a_table_without_a_feature_names_the_role_of_each_column(columns):
    with pytest.raises(UserError, match=r"no column can be a feature:\n  . *: is the (target|id)\nAdd a column"):
        contract(**columns)


def test_the_chosen_time_is_not_also_the_id():
    when = range(1_700_000_000_000, 1_700_000_000_000 + ROWS)

    found = contract(roles={"time": "t"}, t=when, y=[0, 1] * 30, a=[n / 2 for n in range(ROWS)])

    assert (found["id"], found["time"], found["time_format"]) == ("row_id", "t", "milliseconds")


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y"])
def test_a_target_of_dates_is_refused(form):
    days = pd.date_range("2024-01-01", periods=20).strftime(form)

    with pytest.raises(UserError, match=r"y holds dates, and a date cannot be predicted\. .* TARGET="):
        contract(y=[*days] * 3, a=[n / 2 for n in range(ROWS)])


@pytest.mark.slow
@pytest.mark.parametrize(("form", "never"), [("%Y-%m-%d", "9999-12-31"), ("%d.%m.%Y", "31.12.9999")])
def test_a_date_that_never_comes_is_no_time_of_a_row(form, never):
    text = [never, *pd.date_range("2024-01-01", periods=59).strftime(form)]

    assert "time" not in contract(until=text, y=[0, 1] * 30, a=[n / 2 for n in range(ROWS)])
    assert "time" in contract(until=text[1:] * 2, y=[0, 1] * 59, a=[n / 2 for n in range(118)])


def test_excel_day_numbers_are_named():
    with pytest.raises(UserError, match=re.escape("days of Excel, the first of them 2023-03-15")):
        contract(roles={"time": "t"}, t=range(45_000, 45_000 + ROWS), y=[0, 1] * 30, a=[n / 2 for n in range(ROWS)])


def test_too_large_numbers_are_refused_and_not_read_as_levels():
    with pytest.raises(UserError, match="a: 60 of 60 rows are infinite, or larger than 3e"):
        contract(y=[0, 1] * 30, a=["1e300", "-inf"] * 30)


@pytest.mark.parametrize(
    ("low", "high", "usual"),
    [
        (1985, 2024, {"min": 1975, "max": 2035}),
        (290.2, 310.1, {"min": 286, "max": 316}),
        (-1150.5, -856.5, {"min": -1250, "max": -750}),
        (18.5, 89.5, {"max": 200}),
        (-3.1, 2.9, {"min": -5, "max": 5}),
    ],
)
def test_the_usual_range_of_numbers_far_from_0_is_as_wide_as_they_vary(low, high, usual):
    column = pd.Series(np.linspace(low, high, 400).round(1))

    found = limits(column)["usual"]

    assert {side: found[side] for side in usual} == usual
