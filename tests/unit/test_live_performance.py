"""Comparison of live performance with the release on simulated data; scores are the true probabilities."""

import numpy as np
import pandas as pd
import pytest

from ml.io.errors import UserError
from ml.model.distributions import of_numbers
from ml.model.reference import Reference
from ml.monitoring.performance import judge
from ml.settings.evaluate import Evaluate
from ml.settings.monitor import Monitor
from ml.settings.params import read_params
from ml.tasks.calibration_figures import measured
from ml.tasks.score_rows import intervals, rank

SETTINGS = Monitor()


def rows(seed, count=1000, shift=0.0, alike=1):
    """Rows whose scores are true probabilities before `shift` moves the log odds; `alike` neighbours are equal."""
    rng = np.random.default_rng(seed)
    odds, luck = rng.normal(-1.5, 2, count // alike), rng.random(count // alike)
    score, truth = (1 / (1 + np.exp(-odds - more)) for more in (0, shift))
    frame = pd.DataFrame({"score": score, "label": (luck < truth).astype("float64")})
    return frame.loc[np.repeat(frame.index, alike)].reset_index(drop=True)


def released(seed=0, count=2000, kept=True):
    frame = rows(seed, count)
    label, score = frame["label"].to_numpy(), frame["score"].to_numpy()
    found = intervals(rank(label, score, 0.5), Evaluate(bootstrap=100))
    found |= measured(label, score, 0.95) if kept else {}
    return Reference(
        project="p", rows=count, columns={}, score=of_numbers(frame["score"]), tested=count, threshold=0.5,
        confidence=0.95, metrics=found,
    )  # fmt: skip


@pytest.mark.parametrize("kept", [True, False])
def test_scores_that_became_too_low_are_worse_with_the_same_ranking(kept):
    found = judge(released(kept=kept), rows(1, shift=1.0), SETTINGS, 0.005)

    assert (found.outcome, found.ranking) == ("worse", "as at release")
    assert "calibration is worse: bias -0." in found.reason
    assert "scores are too low" in found.reason


@pytest.mark.parametrize("seed", range(5))
def test_true_probabilities_of_a_quiet_world_are_not_worse(seed):
    assert judge(released(seed), rows(seed + 10), SETTINGS, 0.005).outcome != "worse"


def test_a_disabled_calibration_is_not_judged():
    off = Monitor(calibration={"bias": None, "slope": None})

    assert judge(released(), rows(1, shift=1.0), off, 0.005).outcome == "as at release"


def test_groups_of_ten_equal_rows_count_as_few():
    alone, bunched = (judge(released(), rows(3, alike=n), SETTINGS, 0.005) for n in (1, 10))

    wide, narrow = (found.change_high - found.change_low for found in (bunched, alone))
    assert wide > 2 * narrow


@pytest.mark.parametrize("score", [0.0, 0.3, 1.0])
def test_equal_scores_are_judged_without_a_traceback(score):
    assert judge(released(), rows(1).assign(score=score), SETTINGS, 0.005).value == 0.5


def test_a_metric_biased_in_small_windows_is_refused_with_an_alternative(tmp_path, monkeypatch):
    text = (tmp_path / "params.yaml").write_text("monitor: {metric: calibration_error}\n")

    assert text
    with pytest.raises(UserError, match="set roc_auc, brier or log_loss"):
        read_params(tmp_path / "params.yaml")
