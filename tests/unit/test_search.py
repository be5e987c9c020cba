"""Tuning reports a gain within noise as such, not as a better model."""

import numpy as np
import pytest

from ml.model import search, study
from ml.model.search import gain


def test_a_gain_beyond_the_noise_of_the_folds_is_significant():
    value, half = gain([0.90, 0.91, 0.92, 0.91], [0.80, 0.81, 0.82, 0.811], trials=30, metric="roc_auc")

    assert value == pytest.approx(0.1, abs=0.001)
    assert half < value


def test_a_metric_where_lower_is_better_gains_when_it_falls():
    value, _ = gain([0.3, 0.31], [0.4, 0.41], trials=2, metric="log_loss")

    assert value == pytest.approx(0.1)


def test_the_best_of_many_equal_trials_is_hardly_ever_significantly_better():
    rng, found = np.random.default_rng(0), 0
    for _ in range(300):
        trials = 0.8 + rng.normal(0, 0.01, 4) + rng.normal(0, 0.003, (30, 4))
        best = trials[trials.mean(axis=1).argmax()]
        value, half = gain([*best], [*trials[0]], trials=30, metric="roc_auc")
        found += value > half

    assert found <= 15


@pytest.mark.slow
def test_the_current_settings_are_tried_again_after_their_trial_was_killed(params, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "_name", lambda _: "search")
    study.opened(params, tmp_path).ask()  # a running trial that never ends

    found = study.opened(params, tmp_path)
    trial = found.ask()
    for name in search.present(params):
        trial.suggest_float(name, 0, 1e9)
    trial.set_user_attr(study.FOLDS, [0.8, 0.81])
    found.tell(trial, 0.805)

    assert trial.params == search.present(params)
    assert study.gain(found, params)[1].startswith("not significantly better: +0.0000 over the current settings")
