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
    """The study of this model, space and training data in `folder`; another combination is another study."""
    import optuna  # noqa: PLC0415

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder.mkdir(exist_ok=True)
    place = f"sqlite:///{(folder / 'tune.db').as_posix()}"
    way = search.direction(params.tune.metric)
    study = optuna.create_study(storage=place, study_name=_name(params), direction=way, load_if_exists=True)
    done = len(study.get_trials(deepcopy=False))
    # A resumed study needs another seed, otherwise it would draw the first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=params.train.seed + done)
    if not done:
        study.enqueue_trial(search.present(params))  # the current settings, for comparison with a proposal
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
    now = study.trials[0]
    folds = [trial.user_attrs.get(FOLDS) for trial in (study.best_trial, now)]
    if not all(folds) or search.present(params).items() - now.params.items():
        return False, "the current settings were not tried, so it is unknown whether this is better"
    value, half = search.gain(*folds, trials=len(finished(study)), metric=params.tune.metric)
    figures = f"{value:+.4f} over the current settings (95% interval {value - half:+.4f} to {value + half:+.4f})"
    if value > half:
        return True, f"better by {figures}"
    return False, f"not significantly better: {figures}; more rows or tune.folds may help, more trials do not"


def _name(params: Params) -> str:
    space = params.tune.spaces[params.train.model]
    fixed = {name: value for name, value in params.train.parameters().items() if name not in space}
    folds = [params.tune.folds, params.prepare.split_by]
    asked = [files.digest(files.TRAIN), params.train.seed, fixed, folds, params.tune.metric, space]
    return f"{params.project}-{params.train.model}-{sha256(repr(asked).encode()).hexdigest()[:12]}"
