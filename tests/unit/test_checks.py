import subprocess
import sys
import time
from functools import cache

import numpy as np
import pandas as pd
import pytest

from ml.data import schema
from ml.io.errors import UserError
from ml.settings.data import Number, Target
from ml.settings.params import read_params
from ml.settings.validate import Validate
from ml.validation.counts import counted_rows
from tests.conftest import SAMPLE

DATA = read_params(SAMPLE).data


@cache
def checks():
    """The module under test, imported in the process that runs a test, because Great Expectations takes seconds."""
    from ml.validation import checks  # noqa: PLC0415

    return checks


def failed(frame, **rules):
    """The failed checks of a table, as {(subject, expectation): check}."""
    found = checks().check(schema.conform(frame, DATA), DATA, Validate.model_validate(rules))
    return {(c.subject, c.expectation.removeprefix("expect_")): c for c in found if not c.passed}


def classes(values, positive):
    """The result of the check of a target with these values."""
    target, columns = Target(name="churned", positive=positive), {"x": Number(type="number")}
    data = DATA.model_copy(update={"target": target, "columns": columns, "time": None})
    frame = pd.DataFrame({data.id: [*map(str, range(len(values)))], "x": 0.0, "churned": values})
    return checks().two_classes(counted_rows(frame, data, Validate()), data)


@pytest.mark.slow
def test_good_data_passes_every_check(customers):
    assert failed(customers, min_rows=1000, target_rate={"min": 0.1, "max": 0.5}, duplicate_share=0.01) == {}


@pytest.mark.parametrize(
    ("spoil", "breach", "found"),
    [
        (
            lambda f: f.assign(usage_hours=f.usage_hours.where(f.index != 36, -7.0)),
            ("usage_hours", "column_values_to_be_between"),
            "1 of 1,200 rows are not 0 to 5,000, e.g. -7.0 at row 37",
        ),
        (
            lambda f: f.assign(plan=f.plan.where(f.index != 4, "gold")),
            ("plan", "column_values_to_be_in_set"),
            "1 of 1,200 rows are none of basic, standard, premium, enterprise, e.g. 'gold' at row 5",
        ),
        (
            lambda f: f.assign(customer_id=f.customer_id.where(f.index != 1, f.customer_id[0])),
            ("customer_id", "column_values_to_be_unique"),
            "2 of 1,200 rows are values that occur more than once, e.g. 'c0010000' at row 1",
        ),
        (
            lambda f: f.assign(satisfaction=np.nan),
            ("satisfaction", "column_values_to_not_be_null"),
            "1,200 of 1,200 rows are missing (allowed: 30%), first at row 1",
        ),
        (
            lambda f: f.assign(churned=f.churned.astype(object).where(f.index > 1, None)),
            ("churned", "column_values_to_not_be_null"),
            "2 of 1,200 rows are missing (allowed: 0%), first at row 1",
        ),
        (
            lambda f: f.assign(churned=f.churned.astype(object).where(f.index > 2, "maybe")),
            ("churned", "two_classes"),
            "3 of 1,200 rows are neither True nor False: maybe (3)",
        ),
    ],
    ids=["range", "level", "twice", "missing", "label", "third word"],
)
def test_a_breach_is_counted_with_an_example(customers, spoil, breach, found):
    (subject, check), *others = failed(spoil(customers)).items()

    assert (subject, check.found, check.severity) == (breach, found, "critical")
    assert not others


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        ([True, False], True),
        (["True", "False", True], True),
        ([1, 0], 1),
        ([1.0, 0.0, 1, "1", None], 1),
        (["default", "paid", None], "default"),
        (["paid"], "default"),
    ],
    ids=str,
)
def test_spellings_of_one_class_count_as_one_class(values, positive):
    assert classes(values, positive).passed


@pytest.mark.parametrize(
    ("values", "positive", "found"),
    [
        (
            ["default"] * 3 + ["paid"] * 9 + ["Default"] * 2 + ["?"],
            "default",
            "3 of 15 rows are neither default nor paid: Default (2), ? (1)",
        ),
        ([True, False, False], 1, "1 of 3 rows are neither 1 nor False: True (1)"),
    ],
    ids=["another spelling", "a positive value that never comes"],
)
def test_an_unknown_value_of_the_target_is_named_with_its_count(values, positive, found):
    check = classes(values, positive)

    assert (check.passed, check.severity, check.found) == (False, "critical", found)


def test_too_few_rows_and_an_unusual_target_rate_stop_the_pipeline(customers):
    found = failed(customers, min_rows=5000, target_rate={"max": 0.01})

    assert {subject for subject, _ in found} == {"table", "churned is True"}
    assert "at least 5,000" in found["table", "table_row_count_to_be_between"].found


def test_duplicate_rows_and_old_data_only_warn(customers):
    twice = pd.concat([customers, customers.assign(customer_id="x" + customers.customer_id)], ignore_index=True)

    found = failed(twice, duplicate_share=0.5, max_age_days=1)

    assert {c.severity for c in found.values()} == {"warning"}
    assert len(found) == 2


def test_a_users_own_expectation_is_checked(customers):
    own = {"type": "expect_column_median_to_be_between", "kwargs": {"column": "tenure_months", "max_value": 1}}

    found = failed(customers, expectations=[{**own, "severity": "warning"}])

    assert found["tenure_months", "column_median_to_be_between"].severity == "warning"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"type": "expect_nonsense"}, "has no expect_nonsense"),
        (
            {"type": "expect_column_mean_to_be_between", "kwargs": {"colum": "plan"}},
            "column: field required; colum: extra fields not permitted",
        ),
    ],
    ids=["unknown", "misspelt"],
)
def test_an_expectation_that_cannot_be_built_stops_the_run(customers, own, message):
    with pytest.raises(UserError, match=message):
        failed(customers, expectations=[own])


def test_an_expectation_that_cannot_run_fails(customers):
    own = {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "nowhere", "max_value": 1}}

    found = failed(customers, expectations=[own])

    assert "nowhere" in found["nowhere", "column_mean_to_be_between"].found


@pytest.mark.slow
def test_warnings_are_still_shown_after_great_expectations_loads():
    script = "import ml.validation.checks, warnings; warnings.warn('seen')"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "seen" in done.stderr


def test_a_feature_with_an_internal_name_is_checked_like_any_other(customers):
    data = DATA.model_copy(update={"columns": {"is_positive": Number(type="number", min=0, max=20)}})
    frame = customers.assign(is_positive=[-5e6] * 21 + [3.0] * 1179)

    found = checks().check(frame, data, Validate.model_validate({"target_rate": {"max": 0.9}}))

    (wrong,) = [c for c in found if not c.passed]
    assert wrong.subject == "is_positive"
    assert wrong.found == "21 of 1,200 rows are not 0 to 20, e.g. -5000000.0 at row 1"


@pytest.mark.slow
def test_500_columns_take_no_time_of_their_own():
    """Great Expectations alone took minutes for this table."""
    columns = {f"x{n}": Number(type="number", min=0, max=1, missing=0.5) for n in range(500)}
    data = DATA.model_copy(update={"columns": columns, "id": "id", "time": None, "target": Target(name="y")})
    frame = pd.DataFrame(np.random.default_rng(0).random((1000, 500)), columns=[*columns])
    frame = frame.mask(frame < 0.1).assign(id=range(1000), y=[True, False] * 500)

    started = time.perf_counter()
    found = checks().check(frame, data, Validate())

    assert time.perf_counter() - started < 20  # 1 s on two quiet cores
    assert len(found) == 1005
    assert all(c.passed for c in found)
