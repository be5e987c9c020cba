"""The search for better settings: Optuna's trials, judged by cross-validation on the training rows only."""

import difflib
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import yaml
from scipy.stats import t

from ml.data import split
from ml.data.design import design_of
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import model
from ml.settings import feature_source
from ml.settings.metric_names import HIGHER_IS_BETTER
from ml.settings.params import Params
from ml.settings.train import Train
from ml.settings.tune import Choice, SearchSpan
from ml.tasks.choose import task_of

FEWEST = 2  # folds


def suggest(trial: Any, params: Params) -> Train:
    """The settings that a trial draws from the space of train.model; all others are unchanged."""
    name = params.train.model
    drawn = {setting: _draw(trial, setting, space) for setting, space in params.tune.spaces.get(name, {}).items()}
    return with_settings(params.train, drawn)


def with_settings(train: Train, settings: dict[str, Any]) -> Train:
    """The same model with other settings, checked like params.yaml."""
    values = train.model_dump()
    values[train.model] = train.parameters() | settings
    return Train.model_validate(values)


def present(params: Params) -> dict[str, Any]:
    """The current values of the settings that the space contains."""
    now = params.train.parameters()
    space = params.tune.spaces[params.train.model]
    return {name: now[name] for name, where in space.items() if name in now and _holds(where, now[name])}


class Folded(NamedTuple):
    """The training rows and their folds, which all trials share."""

    frame: pd.DataFrame
    label: np.ndarray
    folds: list[tuple[np.ndarray, np.ndarray]]
    params: Params
    features: str  # the text of src/features.py


class FoldTask(NamedTuple):
    """A fold for judging settings."""

    train: Train
    fold: int


def folded(frame: pd.DataFrame, params: Params) -> Folded:
    """The training rows in tune.folds folds, which follow prepare.split_by like the test split.

    Folds whose training or held-out rows lack a class are left out; raises UserError if fewer than two are left.
    """
    task = task_of(params.data)
    label = task.truth(frame[params.data.target.name])
    folds = split.folds(frame, params.data, params.prepare, params.tune.folds)
    usable = [fold for fold in folds if all(len(np.unique(label[side])) > 1 for side in fold) or not task.decides]
    if len(usable) < FEWEST:
        raise UserError(
            f"only {len(usable)} of {counted(params.tune.folds, 'fold')} by "
            f"{params.prepare.split_by} contain both classes: add rows of the rarer class, or "
            "change tune.folds."
        )
    return Folded(frame, label, usable, params, feature_source.source())


def held_out(task: FoldTask, rows: Folded) -> float:
    """tune.metric on the held-out rows of a fold, of a model fitted on the others."""
    (rest, held), params = rows.folds[task.fold], rows.params
    fitted = model.fit(rows.frame.iloc[rest], params.data, task.train, rows.features)
    score = model.scores(fitted, rows.frame.iloc[held], params.data)
    design = design_of(rows.frame.iloc[held], params.data)
    scored = task_of(params.data, params.evaluate).score(rows.label[held], score, design)
    return float(scored.measure()[params.tune.metric])


def gain(best: list[float], now: list[float], trials: int, metric: str) -> tuple[float, float]:
    """The advantage of the best trial over the current settings, and half the width of its 95% interval.

    The folds are paired. Their training rows overlap, which widens the interval (Nadeau and Bengio, Inference for the
    generalization error, 2003), and so does the choice of the best among the trials (Bonferroni).
    """
    gains = (np.array(best) - np.array(now)) * (1 if HIGHER_IS_BETTER[metric] else -1)
    count = len(gains)
    error = float(np.sqrt((1 / count + 1 / (count - 1)) * gains.var(ddof=1)))
    return float(gains.mean()), float(t.ppf(1 - 0.05 / 2 / max(1, trials - 1), count - 1)) * error


def direction(metric: str) -> Literal["maximize", "minimize"]:
    """The direction of a metric, in Optuna's terms."""
    return "maximize" if HIGHER_IS_BETTER[metric] else "minimize"


def difference(text: str, model_name: str, settings: dict[str, Any]) -> str:
    """The change of params.yaml (`text`) that adopts the settings, as a diff; "" if they are already there."""
    lines = text.removesuffix("\n").split("\n")
    inside = next(i for i, line in enumerate(lines) if line.startswith("train:"))
    wanted = f"  {model_name}:"
    at = next((i for i in range(inside + 1, len(lines)) if lines[i].startswith(wanted)), None)
    end = next((i for i in range(inside + 1, len(lines)) if lines[i] and not lines[i][0].isspace()), len(lines))
    now = yaml.safe_load(text)["train"].get(model_name) or {}
    flow = yaml.safe_dump({**now, **settings}, default_flow_style=True, sort_keys=False, width=1000).strip()
    changed = f"{wanted} {{ {flow[1:-1]} }}"
    if at is None or at >= end:
        after = [*lines[: inside + 1], changed, *lines[inside + 1 :]]
    else:
        stop = next((i for i in range(at + 1, len(lines)) if not lines[i].startswith("   ")), len(lines))
        after = [*lines[:at], changed, *lines[stop:]]
    return "\n".join(difflib.unified_diff(lines, after, "a/params.yaml", "b/params.yaml", lineterm="", n=1))


def _holds(space: SearchSpan | Choice, value: Any) -> bool:
    if isinstance(space, Choice):
        return value in space.choices
    return value is not None and space.low <= value <= space.high


def _draw(trial: Any, name: str, space: SearchSpan | Choice) -> Any:
    if isinstance(space, Choice):
        return trial.suggest_categorical(name, list(space.choices))
    if isinstance(space.low, int) and isinstance(space.high, int):
        return trial.suggest_int(name, space.low, space.high, log=space.log)
    return float(f"{trial.suggest_float(name, space.low, space.high, log=space.log):.6g}")
