"""The whole loop: release, quiet month, drift, retraining, pull request, merge, release, quiet again."""

import pytest

from lab import story


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_after_drift_a_merged_retraining_makes_the_verdict_stable_again(tmp_path, capsys):
    found = story.tell(tmp_path)

    assert found["release"] == 1
    assert found["quiet"]["verdict"] == "stable"
    assert found["drift"]["verdict"] == "drift"
    assert {c["column"] for c in found["drift"]["columns"] if c["drifted"]} == {"monthly_charge", "channel"}
    assert found["retrain"]["outcome"] == "proposed"
    assert found["retrain"]["rows"]["fresh"] > 3500
    assert found["pull"]["head"]["ref"] == found["retrain"]["branch"]
    assert "**Drift**" in found["pull"]["body"]
    assert found["alarms"] == []  # the pull request is the answer
    assert found["rebuilt"] == found["retrain"]["digest"]
    assert found["again"] == 2
    assert (found["calm"]["verdict"], found["calm"]["release"]) == ("stable", "version 2")
    assert found["calm"]["collected"]["fates"]["other"] == 4000  # of the same month, by version 1
    told = capsys.readouterr().out
    assert [line for line in told.splitlines() if line[:2] in {f"{n}." for n in range(1, 10)}] == [
        "1. A release",
        "2. A quiet month",
        "3. The world moves",
        "4. Retraining",
        "5. The pull request",
        "6. The merge",
        "7. The next release",
        "8. Quiet again",
    ]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_number_is_adopted_released_monitored_and_retrained(tmp_path):
    found = story.tell(tmp_path, "regression", last="retrain")

    assert found["release"] == 1
    assert found["quiet"]["verdict"] == "stable"
    assert found["drift"]["verdict"] in {"drift", "degraded"}
    assert {c["column"] for c in found["drift"]["columns"] if c["drifted"]} == {"monthly_charge", "channel"}
    assert found["retrain"]["outcome"] == "proposed"
    assert found["retrain"]["rows"]["fresh"] > 3500


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_model_of_classes_that_scores_tables_alone_is_adopted_released_monitored_and_retrained(tmp_path):
    found = story.tell(tmp_path, "multiclass", last="retrain", batch=True)

    assert found["release"] == 1
    assert (found["quiet"]["verdict"], found["quiet"]["simulated"]) == ("stable", False)
    assert found["quiet"]["performance"]["labelled"] == found["quiet"]["collected"]["fates"]["judged"] == 600
    assert found["drift"]["verdict"] == "drift"
    assert {c["column"] for c in found["drift"]["columns"] if c["drifted"]} == {"monthly_charge", "channel"}
    assert found["retrain"]["outcome"] == "proposed"
    assert found["retrain"]["rows"]["fresh"] > 3500
