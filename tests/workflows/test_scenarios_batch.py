"""The scheduled batch job: it scores the next month with the champion and ships the log, or reports its failure."""

import re
import zipfile
from io import BytesIO

import pytest

from tests.workflows.runner import git
from tests.workflows.test_scenarios_release import issues

pytestmark = [pytest.mark.slow, pytest.mark.template]


def test_the_champion_scores_the_next_month_and_without_one_an_issue_opens(scenario):
    """Scores and log uploaded, the log shipped; a registry without a version: the job fails, with one issue.

    Before anybody has set BATCH_DATA, the schedule does nothing.
    """
    shipped = scenario.store / "shipped"
    scenario.secrets["PREDICTION_LOG"] = f"file://{shipped}"
    assert scenario.act("batch.yml", "schedule", {}).jobs == {"score": "skipped", "tell": "skipped"}
    scenario.settings["BATCH_DATA"] = "build/next-month.parquet"

    outcome = scenario.act("batch.yml", "schedule", {})

    assert outcome.jobs == {"score": "success", "tell": "success"}
    assert re.search(r"score: [\d,]+ rows in \S+, 0 in quarantine", outcome.said("score"))
    assert issues(scenario) == []
    names = zipfile.ZipFile(BytesIO(outcome.artifact("scores"))).namelist()
    assert [name for name in names if name.endswith("part-000000.parquet")], names
    assert [*shipped.rglob("*-batch-*")], [*shipped.rglob("*")]

    git(scenario.origin, "branch", "--quiet", "-D", "mlflow")

    outcome = scenario.act("batch.yml", "schedule", {})

    assert outcome.jobs == {"score": "failure", "tell": "success"}
    assert "champion" in outcome.said("score")
    assert len(issues(scenario)) == 1
