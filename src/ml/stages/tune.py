"""Search better settings for the model."""

import os
import sys
from functools import partial
from hashlib import sha256
from typing import Any

from ml.engine.spread import Team, team
from ml.io import cli, files
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import search
from ml.model.search import Folded, Task
from ml.registry import tracking
from ml.settings.params import Params, read_params

FOLDS = "folds"  # the attribute of a trial with its metric in each fold


def main(trials: int = 0) -> None:
    """Search the space of train.model in params.yaml: tune, and print the best settings as a diff of params.yaml.

    Only build/train.parquet is read. Finished trials are kept: Ctrl-C stops, and the same command goes on from there.
    """
    import optuna  # noqa: PLC0415

    params = read_params()
    if not params.tune.spaces.get(params.train.model):
        raise UserError(f"params.yaml: tune.spaces.{params.train.model} is empty: say there what to search.")
    frame = files.read_table(files.TRAIN)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = _study(optuna, params)
    wanted = (trials or params.tune.trials) - len(_finished(study))
    cli.say(f"tune: {counted(max(wanted, 0), 'trial')} of {params.train.model}, {len(_finished(study))} done before")
    nest = _Nest(params)
    try:
        if wanted > 0:
            with team(params.engine, os.environ.get("DASK_SCHEDULER", "")) as workers:
                judge = partial(_judge, params, search.folded(frame, params), workers)
                study.optimize(judge, wanted, callbacks=[nest.log], show_progress_bar=sys.stderr.isatty())
    except KeyboardInterrupt:
        cli.say("\ntune: stopped; finished trials are kept, `make tune` goes on from there")
    nest.close(study)
    _propose(study, params)


def _judge(params: Params, rows: Folded, workers: Team, trial: Any) -> float:
    """The mean of tune.metric over the folds, each of which any worker may judge: so trials stay in their order."""
    train = search.suggest(trial, params)
    tasks = [Task(train, fold) for fold in range(len(rows.folds))]
    found = [value for _, value in workers.each(search.held_out, tasks, rows)]
    trial.set_user_attr(FOLDS, found)
    return sum(found) / len(found)


def _study(optuna: Any, params: Params) -> Any:
    """The study of this model, space and training data: any other one is another search."""
    space = params.tune.spaces[params.train.model]
    fixed = {name: value for name, value in params.train.parameters().items() if name not in space}
    folds = [params.tune.folds, params.prepare.split_by]
    asked = [files.digest(files.TRAIN), params.train.seed, fixed, folds, params.tune.metric, space]
    name = f"{params.project}-{params.train.model}-{sha256(repr(asked).encode()).hexdigest()[:12]}"
    tracking.HOME.mkdir(exist_ok=True)
    place = f"sqlite:///{(tracking.HOME / 'tune.db').as_posix()}"
    way = search.direction(params.tune.metric)
    study = optuna.create_study(storage=place, study_name=name, direction=way, load_if_exists=True)
    done = len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(seed=params.train.seed + done)  # else it would draw the first ones again
    if not done:
        study.enqueue_trial(search.present(params))  # what there is now, so that a proposal is known to be better
    return study


def _finished(study: Any) -> list[Any]:
    return [trial for trial in study.get_trials(deepcopy=False) if trial.value is not None]


def _propose(study: Any, params: Params) -> None:
    if not _finished(study):
        raise UserError("no trial finished. Run `make tune` again and let one finish.")
    best, metric = study.best_trial, params.tune.metric
    cli.tell(
        f"best of {counted(len(_finished(study)), 'trial')}: {metric} {best.value:.4f} in cross-validation, "
        f"trial {best.number}"
    )
    settings = {name: float(f"{v:.6g}") if isinstance(v, float) else v for name, v in best.params.items()}
    change = search.difference(files.PARAMS.read_text(encoding="utf-8"), params.train.model, settings)
    cli.tell(change or "params.yaml has these settings already")
    known, sentence = _gain(study, params)
    if change:
        cli.tell(sentence)
    cli.say("tune: Next: make the change in params.yaml, then make run" if change and known else "tune: Next: make run")


def _gain(study: Any, params: Params) -> tuple[bool, str]:
    """Whether the best settings are known to be better than the present ones, and a sentence with the figures."""
    now = study.trials[0]
    folds = [trial.user_attrs.get(FOLDS) for trial in (study.best_trial, now)]
    if not all(folds) or search.present(params).items() - now.params.items():
        return False, "the settings as they stand were not tried, so nobody knows whether this is better"
    value, half = search.gain(*folds, trials=len(_finished(study)), metric=params.tune.metric)
    figures = f"{value:+.4f} over the settings as they stand (95% interval {value - half:+.4f} to {value + half:+.4f})"
    if value > half:
        return True, f"better by {figures}"
    return False, f"not known to be better: {figures}; more trials do not help, more rows or tune.folds may"


class _Nest:
    """The MLflow run of a search, with a nested run for each trial."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.client = tracking.open_client()
        with tracking.answered():
            self.experiment = tracking.experiment(self.client, params.project)
            made = self.client.create_run(self.experiment, run_name=f"tune-{params.train.model}")
        self.run = made.info.run_id

    def log(self, _: Any, trial: Any) -> None:
        """One finished trial."""
        tags = {"mlflow.parentRunId": self.run}
        with tracking.answered():
            child = self.client.create_run(self.experiment, tags=tags, run_name=f"trial-{trial.number}").info.run_id
            for name, value in trial.params.items():
                self.client.log_param(child, f"train.{name}", value)
            self.client.log_metric(child, f"cv_{self.params.tune.metric}", trial.value)
            self.client.set_terminated(child)
        if not sys.stderr.isatty():
            cli.say(f"tune: trial {trial.number}: {self.params.tune.metric} {trial.value:.4f} with {trial.params}")

    def close(self, study: Any) -> None:
        """The best so far, on the run of the search."""
        with tracking.answered():
            if _finished(study):
                self.client.log_metric(self.run, f"cv_{self.params.tune.metric}", study.best_value)
            self.client.set_terminated(self.run)


if __name__ == "__main__":
    cli.run(main)
