"""Champion and challenger on one part of the rows: the outcome follows the scores, and too few rows say nothing."""

import re

import numpy as np
import pytest

from ml.retraining import comparison
from ml.tasks.score_rows import rank


def scored(params, rows, old_noise, new_noise):
    """Labels, and two models' scores of them that are right to a degree."""
    rng = np.random.default_rng(0)
    label = rng.random(rows) < 0.3
    old, new = (1 / (1 + np.exp(-(4 * label - 2 + noise * rng.normal(size=rows)))) for noise in (old_noise, new_noise))
    return comparison.judge("fresh", "version 3", [rank(label, score, 0.5) for score in (old, new)], params)


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


def test_no_evidence_refuses_where_the_gate_demands_a_proof(params):
    champion = params.gates.champion.model_copy(update={"refuse": ("worse", "not enough evidence")})
    strict = params.model_copy(update={"gates": params.gates.model_copy(update={"champion": champion})})

    assert scored(strict, 40, 1, 3).refused


def test_no_rows_at_all_are_no_evidence(params):
    none = np.array([])

    found = comparison.judge("old", "version 3", [rank(none, none, 0.5)] * 2, params)

    assert found.outcome == "not enough evidence"
