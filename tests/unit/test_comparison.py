"""Champion and challenger on a part of the rows: the outcome follows the scores, and too few rows are no evidence."""

import re

import numpy as np
import pytest

from ml.data import reading
from ml.io import files
from ml.model import model, model_file
from ml.registry.baseline import Baseline
from ml.retraining import comparison, fresh
from ml.settings.train import Train
from ml.tasks.score_rows import rank
from tests.conftest import ROOT

CASES = ROOT / "tests" / "cases"


def scored(params, rows, old_noise, new_noise):
    """Labels, and scores of two models with different accuracy."""
    rng = np.random.default_rng(0)
    label = rng.random(rows) < 0.3
    old, new = (1 / (1 + np.exp(-(4 * label - 2 + noise * rng.normal(size=rows)))) for noise in (old_noise, new_noise))
    return comparison.judge("fresh", "version 3", [rank(label, score, 0.5) for score in (old, new)], params)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "outcome", "refused"), [(3, 1, "better", False), (1, 3, "worse", True), (1, 1, "not worse", False)]
)
def test_the_outcome_follows_the_scores(params, old, new, outcome, refused):
    found = scored(params, 3000, old, new)

    assert (found.outcome, found.refused, found.rows) == (outcome, refused, 3000)
    assert "3,000 fresh test rows" in found.reason
    assert "version 3" in found.reason


def test_few_rows_of_a_class_are_no_evidence(params):
    found = scored(params, 40, 1, 3)

    assert (found.outcome, found.refused, found.low) == ("not enough evidence", False, None)
    assert re.search(r"the fresh test rows hold \d+ positive and \d+ negative rows", found.reason)


def test_missing_evidence_refuses_if_the_gate_requires_it(params):
    champion = params.gates.champion.model_copy(update={"refuse": ("worse", "not enough evidence")})
    strict = params.model_copy(update={"gates": params.gates.model_copy(update={"champion": champion})})

    assert scored(strict, 40, 1, 3).refused


def test_no_rows_at_all_are_no_evidence(params):
    none = np.array([])

    found = comparison.judge("old", "version 3", [rank(none, none, 0.5)] * 2, params)

    assert found.outcome == "not enough evidence"


@pytest.mark.slow
def test_a_champion_of_other_columns_is_named_and_not_compared(params, customers, tmp_path, monkeypatch, capsys):
    champion = model_file.dumps(model.fit(customers, params.data, Train(model="logistic_regression")))
    columns = {name: column for name, column in params.data.columns.items() if name != "plan"}
    less = params.model_copy(update={"data": params.data.model_copy(update={"columns": columns})})
    files.write_bytes(champion, tmp_path / files.MODEL / "model.skops")
    monkeypatch.setattr(comparison.baseline, "find", lambda *_: Baseline("version 3", champion))
    sifted = fresh.sift(reading.read(CASES / "fresh_customers.parquet").frame, customers, less.data)
    new = fresh.combine(customers, sifted.good, less.data, less.retrain)

    found = comparison.against_champion(
        comparison.Attempt(tmp_path, less, "main", "2026-01-01", sifted, customers, new)
    )

    assert found == []
    assert "version 3 cannot score these rows, so it is not compared: it needs other columns (plan)" in (
        capsys.readouterr().err
    )
