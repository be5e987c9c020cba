"""The served models: the champion and the challenger in the settings."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.io.errors import UserError
from ml.model.parts import CHALLENGER, CHAMPION, SHADOW
from ml.registry import sources as registry
from ml.tasks.answers import Rows, answers_of
from serving.batch import Batcher
from serving.events import say
from serving.models import Model, load, same_contract
from serving.settings import Settings


@dataclass(frozen=True)
class Served:
    """A model and the part that it plays."""

    model: Model
    variant: str
    batcher: Batcher
    logged: Callable[[np.ndarray], Rows]
    added: Callable[[np.ndarray, Rows], Rows]
    share: float | None = None  # of the ids, that the canary gets; None where none serves


@dataclass(frozen=True)
class Unfit:
    """The version that an alias calls challenger and that cannot serve beside the champion."""

    version: int
    why: str


@dataclass(frozen=True)
class Models:
    """The models of one moment; a swap puts another of these in its place."""

    champion: Served
    challenger: Served | None = None
    unfit: Unfit | None = None


def load_models(settings: Settings) -> Models:
    """What the settings name; raises UserError when a model is wrong, or the two take different rows.

    A challenger by alias is whatever somebody registered last, so one that is wrong is left out and stops nobody.
    """
    champion = load(settings.model)
    version = _current(settings.challenger)
    try:
        challenger = _challenger(settings.challenger)
        if challenger:
            same_contract(champion, challenger)
    except UserError as error:
        if version is None:
            raise
        return Models(_served(champion, CHAMPION), unfit=Unfit(version, str(error)))
    variant = CHALLENGER if settings.canary else SHADOW
    share = settings.canary if challenger and settings.canary else None
    rival = _served(challenger, variant, share) if challenger else None
    return Models(_served(champion, CHAMPION, share), rival)


def moved(settings: Settings, models: Models) -> bool:
    """Whether an alias that the settings name stands for another version than the one that serves."""
    challenger = models.challenger.model if models.challenger else models.unfit
    pairs = ((settings.model, models.champion.model), (settings.challenger, challenger))
    return any(
        _current(source) != (known.version if known else None) for source, known in pairs if registry.follows(source)
    )


def _current(source: str | None) -> int | None:
    """The version that an alias names; None for a folder, and where it names none."""
    if source is None or not registry.follows(source):
        return None
    try:
        return registry.current(source)
    except registry.NoVersion:
        return None


def _challenger(source: str | None) -> Model | None:
    """The challenger, none when its alias names no version: a challenger that was promoted leaves no other behind."""
    if not source:
        return None
    try:
        return load(source)
    except registry.NoVersion as error:
        say("no challenger", error=str(error))
        return None


def _served(model: Model, variant: str, share: float | None = None) -> Served:
    answers = answers_of(model.contract)
    return Served(model, variant, Batcher(model.predictor), answers.logged, answers.added, share)
