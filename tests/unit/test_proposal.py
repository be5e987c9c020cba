"""The text of a retraining pull request contains the results for any data."""

import pytest
from markdown_it import MarkdownIt

from ml.github import alerts, github
from ml.monitoring.monitor_record import MonitorRecord
from ml.retraining import proposal
from ml.retraining.retrain_record import RetrainRecord

HOSTILE = "a | b <img src=x onerror=alert(1)> @everyone\n| --- |"
ROWS = {"fresh": 5000, "known": 3, "quarantined": 9, "why": {f"plan: {HOSTILE}": 9}}
ROWS |= {"before": 12_000, "after": 17_000, "replaced": 0, "left": 0}
PART = {"metric": "roc_auc", "rows": 990, "outcome": "better", "refused": False, "reason": f"better {HOSTILE}"}
RECORD = {
    "project": "churn",
    "outcome": "proposed",
    "reasons": [f"worse {HOSTILE}"],
    "date": "2026-11-21",
    "base": "main",
    "base_commit": "b" * 40,
    "branch": "retrain/2026-11-21",
    "commit": "c" * 40,
    "digest": "d" * 32,
    "rows": ROWS,
    "policy": {"policy": "append", "window_months": 12, "split_by": "hash"},
    "metrics": {"roc_auc": 0.92, "rows": 3378},
    "before": {"roc_auc": 0.93, "rows": 2388},
    "compared": [PART | {"part": "fresh", "old": 0.9, "new": 0.91, "low": 0.001, "high": 0.02}],
    "verdicts": [
        {"gate": "accuracy", "passed": True, "severity": "critical", "reason": HOSTILE},
        {"gate": "slices", "passed": False, "severity": "warning", "reason": "too small"},
    ],
}
MONITOR = {
    "verdict": "drift",
    "reason": HOSTILE,
    "columns": [{"column": "plan", "drifted": True, "effect": 0.3, "test": "chi-square", "reason": HOSTILE}],
}


def typed(record):
    return RetrainRecord.model_validate(record)


def rendered(text):
    """The body as GitHub renders it: HTML, without our own marker."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(github.body(text, "retraining"))


@pytest.mark.parametrize("write", ["body", "refusal"])
def test_text_from_the_data_stays_text(write):
    said = {"body": ["dispatched"], "refusal": []}[write]

    page = rendered(
        getattr(proposal, write)(typed(RECORD), MonitorRecord(**MONITOR), *said, {"run": "https://github.com/x"})
    )

    assert "<img" not in page
    assert "@everyone" not in page
    assert "onerror=alert(1)" in page  # told, not lost


def test_the_pull_request_contains_every_result():
    text = proposal.body(
        typed(RECORD), MonitorRecord(**MONITOR), "dispatched ci", {"the run": "https://github.com/x/runs/1"}
    )

    for part in ("**Drift**", "0.9100", "+0.0010 to +0.0200", "1 of 2 passed, 1 warned", "5,000", "17,000"):
        assert part in text
    for part in ("dispatched ci", "git switch retrain/2026-11-21", "dvc pull data.dvc", "[the run](https"):
        assert part in text


def test_a_drift_of_the_predictions_alone_is_in_both_tables():
    prediction = MONITOR["columns"][0] | {"column": "prediction", "reason": "median 0.2 → 0.4"}
    monitor = MONITOR | {"columns": [MONITOR["columns"][0] | {"drifted": False}], "prediction": prediction}

    texts = [
        proposal.body(typed(RECORD), MonitorRecord(**monitor), "x", {}),
        alerts.of_monitoring(MonitorRecord(**monitor), None)[alerts.DRIFT].text,
    ]

    assert all("| prediction |" in text and "median 0.2 → 0.4 |" in text and "| plan |" not in text for text in texts)


def test_a_manual_retraining_says_so():
    assert "Started by hand" in proposal.body(typed(RECORD), None, "x", {})


def test_without_a_champion_only_the_gates_decide():
    text = proposal.body(typed(RECORD | {"compared": [], "before": None}), None, "x", {})

    assert "There was no champion to compare with" in text
    assert "not known" in text


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"policy": "window", "split_by": "hash"}, "window of 12 months"),
        ({"policy": "append", "split_by": "time"}, "The newest rows test"),
    ],
)
def test_policy_and_split_are_named(policy, said):
    assert said in proposal.body(typed(RECORD | {"policy": RECORD["policy"] | policy}), None, "x", {})


def test_rows_that_were_not_combined_are_reported_without_a_result_table():
    broken = {k: RECORD[k] for k in ("date", "reasons", "project", "base", "base_commit", "branch")}
    rows = {"fresh": 1, "quarantined": 9, "why": {"plan: missing": 9}}

    text = proposal.refusal(typed(broken | {"outcome": "refused", "rows": rows}), None, {})

    assert "| plan: missing | 9 |" in text
    assert "The champion continues to serve." in text
