"""Plots of distributions, and rows redrawn from a release's profile."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.model import reference
from ml.monitoring import evidently_pages
from ml.monitoring.drift import judge
from ml.monitoring.monitor_report import spark
from ml.monitoring.shapes import redrawn, shape
from ml.prediction_log.records import in_table
from ml.settings.monitor import Monitor
from tests.rows import tables

SETTINGS = Monitor(min_rows=1)


@pytest.fixture(scope="module")
def release(customers, params):
    from ml.data import schema  # noqa: PLC0415

    frame = schema.conform(customers, params.data)
    score = np.linspace(0, 1, 500)
    return reference.build(frame, score, {"roc_auc": {"value": 0.9, "low": 0.88, "high": 0.92}}, params)


def test_rows_redrawn_from_a_profile_have_its_distributions(release, params):
    rows = redrawn(release, 2000)

    found = judge(release, rows, SETTINGS)

    assert list(rows) == [*map(in_table, release.columns), "score"]
    assert found.verdict == "stable"
    assert max(c.effect for c in (*found.columns, found.prediction)) < 0.01
    missing = {c.column: c.missing for c in found.columns}
    assert missing["satisfaction"]["after"] == pytest.approx(missing["satisfaction"]["before"], abs=0.001)


def test_a_plot_shows_both_sides_in_the_same_bins(release):
    rows = pd.DataFrame({"contract": ["monthly"] * 30 + ["weekly"] * 10, "tenure_months": [600.0] * 40})
    rows = rows.rename(columns=in_table)

    contract, tenure = (shape(release, rows, name) for name in ("contract", "tenure_months"))

    assert contract["bins"][0] == "monthly"
    assert contract["bins"][-1] == "weekly"
    assert (contract["before"][-1], contract["after"][0], contract["after"][-1]) == (0, 0.75, 0.25)
    assert tenure["after"][-1] == 1
    assert tenure["before"][-1] == 0


def test_a_number_with_few_values_has_a_bin_each(release):
    found = shape(release, pd.DataFrame({in_table("satisfaction"): [0.0, 10.0, 10.0, None]}), "satisfaction")

    assert found["bins"] == [*range(10)]
    assert (found["after"][0], found["after"][10]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert min(found["before"][4:]) > 0


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(st.data())
def test_shares_of_any_column_add_up_to_one(release, params, data):
    rows = data.draw(tables(params.data)).rename(columns=in_table)

    for name in release.columns:
        found = shape(release, rows, name)
        for side in ("before", "after"):
            assert len(found[side]) <= 12
            assert not found[side] or sum(found[side]) <= 1.000001


@pytest.mark.parametrize(
    ("shares", "most", "drawn"), [([0, 0.5, 1], 1, "▁▅█"), ([0.25], 0.5, "▅"), ([], 0, ""), ([0.0], 0, "")]
)
def test_the_highest_bar_is_the_largest_share_of_both_sides(shares, most, drawn):
    assert spark(shares, most) == drawn


@pytest.mark.slow
def test_evidently_plots_the_existing_columns_if_one_is_missing_from_the_log(release, params):
    pytest.importorskip("evidently", reason="Evidently is not installed: make setup")
    rows = redrawn(release, 600).drop(columns=[in_table("plan")]).assign(**{in_table("usage_hours"): None})

    page = evidently_pages.drift(release, rows)

    assert "support_tickets" in page
    assert "usage_hours" not in page
