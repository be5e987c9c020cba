"""Optuna's study of a search: its name, its trials and the result of its best trial."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from ml.io import files
from ml.io.errors import UserError
from ml.model import search
from ml.settings.params import Params

FOLDS = "folds"  # the attribute of a trial with its metric in each fold


def opened(params: Params, folder: Path) -> Any:
    """The study for this model, space and training data in `folder`; another combination has another study."""
    import optuna  # noqa: PLC0415
    from optuna.trial import TrialState  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder.mkdir(exist_ok=True)
    place = f"sqlite:///{(folder / 'tune.db').as_posix()}"
    way = search.direction(params.tune.metric)
    study = optuna.create_study(storage=place, study_name=_name(params), direction=way, load_if_exists=True)
    done = len(study.get_trials(deepcopy=False))
    # A resumed study needs another seed, otherwise it would draw the first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=params.train.seed + done)
    now, waiting = search.present(params), study.get_trials(deepcopy=False, states=[TrialState.WAITING])
    planned = any(now.items() <= trial.system_attrs.get("fixed_params", {}).items() for trial in waiting)
    if _tried(study, now) is None and not planned:  # not yet, or the trial was stopped
        study.enqueue_trial(now)  # the current settings, for comparison with a proposal
    return study


def finished(study: Any) -> list[Any]:
    """The trials with a value."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.value is not None]


def best(study: Any) -> tuple[Any, dict[str, Any]]:
    """The best trial and its settings in the form of params.yaml; raises UserError if no trial has finished."""
    if not finished(study):
        raise UserError("no trial finished. Run `make tune` again and let one finish.")
    found = study.best_trial
    return found, {name: float(f"{v:.6g}") if isinstance(v, float) else v for name, v in found.params.items()}


def gain(study: Any, params: Params) -> tuple[bool, str]:
    """Whether the best settings are significantly better than the current ones, and a sentence with the figures."""
    now = _tried(study, search.present(params))
    folds = [trial.user_attrs.get(FOLDS) for trial in (study.best_trial, now) if trial is not None]
    if now is None or not all(folds):
        return False, "the current settings were not tried, so it is unknown whether this is better"
    value, half = search.gain(*folds, trials=len(finished(study)), metric=params.tune.metric)
    figures = f"{value:+.4f} over the current settings (95% interval {value - half:+.4f} to {value + half:+.4f})"
    if value > half:
        return True, f"better by {figures}"
    return False, f"not significantly better: {figures}; more rows or tune.folds may help, more trials do not"


def _tried(study: Any, now: dict[str, Any]) -> Any:
    """The first finished trial of these settings; None if there is none."""
    return next((trial for trial in finished(study) if now.items() <= trial.params.items()), None)


def _name(params: Params) -> str:
    space = params.tune.spaces[params.train.model]
    fixed = {name: value for name, value in params.train.parameters().items() if name not in space}
    folds = [params.tune.folds, params.prepare.split_by]
    asked = [files.digest(files.TRAIN), params.train.seed, fixed, folds, params.tune.metric, space]
    return f"{params.project}-{params.train.model}-{sha256(repr(asked).encode()).hexdigest()[:12]}"
