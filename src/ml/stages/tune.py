"""Search for better hyperparameters of the model."""

import os
import sys
from functools import partial
from typing import Any

from ml.engine.spread import Team, team
from ml.io import cli, files, tables
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import search, study
from ml.model.search import Folded, FoldTask
from ml.registry import tracking
from ml.registry.search_run import SearchRun
from ml.settings.params import Params, read_params


def main(trials: int = 0) -> None:
    """Search the space of train.model in params.yaml: tune, and print the best settings as a diff of params.yaml.

    Only build/train.parquet is read. Finished trials are kept: Ctrl-C stops, and the same command resumes.
    """
    params = read_params()
    if not params.tune.spaces.get(params.train.model):
        raise UserError(f"params.yaml: tune.spaces.{params.train.model} is empty: set the search space there.")
    frame = tables.read_table(files.TRAIN)
    found = study.opened(params, tracking.HOME)
    done = len(study.finished(found))
    wanted = max((trials or params.tune.trials) - done, 0)
    cli.say(f"tune: {counted(wanted, 'trial')} of {params.train.model}, {done} done before")
    run = SearchRun(params.project, params.train.model, params.tune.metric)
    stop = None
    try:
        if wanted:
            with team(params.engine, os.environ.get("DASK_SCHEDULER", "")) as workers:
                judge = partial(_judge, params, search.folded(frame, params), workers)
                told = partial(_tell, run, params.tune.metric)
                found.optimize(judge, wanted, callbacks=[told], show_progress_bar=sys.stderr.isatty())
    except KeyboardInterrupt as error:
        stop = error
        cli.say("\ntune: stopped; finished trials are kept, and `make tune` resumes")
    run.close(found.best_value if study.finished(found) else None)
    if study.finished(found) or not stop:
        _propose(found, params)
    if stop:
        raise stop


def _judge(params: Params, rows: Folded, workers: Team, trial: Any) -> float:
    """The mean of tune.metric over the folds, each of which any worker may judge: so trials stay in their order."""
    train = search.suggest(trial, params)
    tasks = [FoldTask(train, fold) for fold in range(len(rows.folds))]
    found = [value for _, value in workers.each(search.held_out, tasks, rows)]
    trial.set_user_attr(study.FOLDS, found)
    return sum(found) / len(found)


def _tell(run: SearchRun, metric: str, _: Any, trial: Any) -> None:
    run.log(trial)
    if not sys.stderr.isatty():
        cli.say(f"tune: trial {trial.number}: {metric} {trial.value:.4f} with {trial.params}")


def _propose(found: Any, params: Params) -> None:
    best, settings = study.best(found)
    done, metric = len(study.finished(found)), params.tune.metric
    cli.tell(f"best of {counted(done, 'trial')}: {metric} {best.value:.4f} in cross-validation, trial {best.number}")
    change = search.difference(files.PARAMS.read_text(encoding="utf-8"), params.train.model, settings)
    cli.tell(change or "params.yaml already has these settings")
    known, sentence = study.gain(found, params)
    if change:
        cli.tell(sentence)
    cli.say("tune: Next: make the change in params.yaml, then make run" if change and known else "tune: Next: make run")


if __name__ == "__main__":
    cli.run(main)
