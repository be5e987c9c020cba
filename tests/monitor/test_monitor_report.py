"""The recommendation for each verdict, with its reason."""

import pytest

from ml.monitoring.advice import advice
from ml.monitoring.monitor_report import markdown

MOVED = {"column": "plan", "drifted": True, "missing": {"before": 0.0, "after": 0.0}, "new_levels": {}}
MOVED |= {"before": [0.5, 0.5], "after": [0.9, 0.1], "reason": "basic 50% → 90%", "test": "chi-square"}
MOVED |= {"effect": 0.4, "holm": 1e-9}
FATES = {"older": 0, "unknown": 0, "other": 0, "judged": 1000}
LABELLED = {"value": 0.9, "low": 0.88, "high": 0.92, "metric": "roc_auc", "at_release": 0.91, "labelled": 800}
LABELLED |= {"since": "2026-01-01T00:00:00+00:00", "until": "2026-01-31T00:00:00+00:00", "rows": 1000, "coverage": 0.8}
LABELLED |= {"lag_days": 7.0, "reason": "as at release", "outcome": "as at release"}
WINDOW = {"since": "2026-01-01T00:00:00+00:00", "until": "2026-01-31T00:00:00+00:00", "rows": 1000, "labelled": 800}
FOUND = {
    "verdict": "stable",
    "reason": "1,000 predictions",
    "silent": False,
    "simulated": False,
    "release": "version 3",
    "columns": [],
    "prediction": None,
    "performance": LABELLED,
    "windows": [WINDOW | {"value": 0.9, "low": 0.88, "high": 0.92}],
    "settings": {"effect": 0.1, "missing_rise": 0.05},
    "collected": WINDOW
    | {"fates": FATES, "strangers": {}, "labels": {"early": 2, "future": 0, "unmatched": 0}, "unreadable": 3},
}
GONE = MOVED | {"missing": {"before": 0.1, "after": 0.6}}
STRANGE = MOVED | {"new_levels": {"gold": 99}}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, "None: the inputs are distributed as"),
        ({"performance": LABELLED | {"outcome": "lower, possibly within the margin"}}, "monitor it"),
        ({"performance": None}, "(800 of 1,000 rows in the newest)"),
        ({"verdict": "drift", "columns": [MOVED]}, "not urgent"),
        ({"verdict": "drift", "prediction": MOVED}, "the predictions have shifted"),
        ({"verdict": "drift", "columns": [MOVED], "performance": None}, "when labels have arrived"),
        ({"verdict": "drift", "columns": [GONE]}, "source of `plan` first"),
        ({"verdict": "drift", "columns": [STRANGE]}, "source of `plan` first"),
        ({"verdict": "degraded", "columns": [MOVED]}, "The inputs have also shifted"),
        ({"verdict": "degraded"}, "No input has shifted"),
        ({"verdict": "not enough data", "silent": True}, "server runs"),
        ({"verdict": "not enough data"}, "Wait for more predictions"),
    ],
)
def test_each_verdict_has_its_advice(changed, says):
    assert says in advice(FOUND | changed)


@pytest.mark.parametrize(
    ("fates", "says"), [({"unknown": 9}, "Serve the champion"), ({"other": 9}, "needs its own rows")]
)
def test_the_advice_on_too_few_rows_depends_on_the_reasons_for_left_out_rows(fates, says):
    collected = FOUND["collected"] | {"fates": FATES | fates}

    assert says in advice(FOUND | {"verdict": "not enough data", "collected": collected})


def test_shifted_columns_come_first_and_unusual_counts_are_named():
    still = MOVED | {"column": "region", "drifted": False}

    text = markdown("churn", FOUND | {"verdict": "drift", "columns": [still, MOVED]}, [])

    above, below = text.split("<details>")
    assert "| ▅▅ | █▂ |" in above
    assert "| region |" in below
    assert "| labels older than their prediction (left out) | 2 |" in text
    assert "| lines that could not be read | 3 |" in text
    assert "Simulated" not in text


def test_the_report_states_the_period_of_the_labelled_predictions():
    late = LABELLED | {"since": "2025-12-02T00:00:00+00:00", "until": "2026-01-01T00:00:00+00:00", "rows": 900}
    late |= {"labelled": 810, "coverage": 0.9}
    collected = FOUND["collected"] | {"labelled": 7}

    newest, older = (
        markdown("churn", FOUND | {"performance": p, "collected": collected}, []) for p in (LABELLED, late)
    )

    assert "800 of 1,000 predictions from 2026-01-01 to 2026-01-31 have a label (80%)" in newest
    assert "810 of 900 predictions from 2025-12-02 to 2026-01-01 have a label (90%)" in older
    assert "of the 1,000 predictions judged above, 7 have one" in older
    assert "judged above" not in newest


def test_the_report_states_that_live_figures_have_no_weights():
    said = markdown("p", FOUND | {"weight": "exposure"}, [])

    assert "Each row counts once, now and at release: the log holds no exposure." in said
    assert "counts once" not in markdown("p", FOUND, [])
