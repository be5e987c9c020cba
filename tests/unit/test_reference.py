"""The reference of a release: small, exact where possible, reproducible, and restored unchanged."""

import numpy as np
import pandas as pd
import pytest

from ml.data import schema
from ml.io import tables
from ml.io.errors import UserError
from ml.model import distributions, made_columns, reference
from ml.settings import feature_source
from tests.world.sample import history

METRICS = {"roc_auc": {"value": 0.93, "low": 0.92, "high": 0.94}}


@pytest.fixture(scope="module")
def built(params):
    frame = schema.conform(history(rows=500), params.data)
    return frame, reference.build(frame, np.linspace(0, 1, 1500), METRICS, params)


def test_it_is_read_back_unchanged(built):
    text = reference.dumps(built[1])

    assert reference.loads(text, "here") == built[1]
    assert reference.dumps(reference.loads(text, "here")) == text


def test_it_contains_every_feature_in_the_order_of_the_contract_and_stays_small(built, params):
    frame, made = built

    assert [*made.columns] == schema.features(params.data)
    assert made.rows == len(frame)
    assert len(reference.dumps(made)) < 100_000


@pytest.mark.slow
def test_it_is_equal_for_a_table_on_disk_with_months_and_made_columns(built, params, tmp_path):
    frame, score = built[0], np.linspace(0, 1, 1500)
    tables.write_table(frame, tmp_path / "train.parquet")
    given = (score, METRICS, params, frame["snapshot"][:1500])

    stored, held = (
        reference.dumps(made_columns.build(feature_source.source(), table, *given))
        for table in (tables.StoredTable(tmp_path / "train.parquet"), frame)
    )

    assert stored == held
    assert {*reference.loads(held, "here").months} == {"1", "2", "3"}


def test_missing_values_are_counted_separately():
    numbers = distributions.of_numbers(pd.Series([1.0, None, 3.0, np.inf, 3.0]))
    levels = distributions.of_levels(pd.Series(["b", None, "a", "b"], dtype="object"))

    assert (numbers.rows, numbers.missing, numbers.points, numbers.below, numbers.upto) == (
        3,
        2,
        (1, 3),
        (0, 1),
        (1, 3),
    )
    assert (levels.rows, levels.missing, levels.levels) == (3, 1, {"a": 1, "b": 2})


def test_a_column_without_values_is_kept_too(built, params):
    frame = built[0].assign(satisfaction=np.nan, device=None)

    made = reference.build(frame, np.array([0.5]), METRICS, params)

    assert made.columns["satisfaction"].missing == made.columns["device"].missing == len(frame)
    assert reference.loads(reference.dumps(made), "here") == made


@pytest.mark.parametrize("text", ["", "{}", '{"project": 1}', "[1]"])
def test_a_malformed_reference_is_refused_with_its_path(text):
    with pytest.raises(UserError, match="version 3 is not a reference of a release"):
        reference.loads(text, "version 3")
