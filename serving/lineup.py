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
from serving.loaded_model import Model, load, same_contract
from serving.server_settings import Settings


@dataclass(frozen=True)
class Served:
    """A model and its role."""

    model: Model
    variant: str
    batcher: Batcher
    logged: Callable[[np.ndarray], Rows]
    added: Callable[[np.ndarray, Rows], Rows]
    share: float | None = None  # share of the ids for the canary; None without a canary


@dataclass(frozen=True)
class Unfit:
    """The version with the alias of the challenger that cannot serve beside the champion."""

    version: int
    why: str


@dataclass(frozen=True)
class Models:
    """The models that serve at one time; a swap replaces the whole object."""

    champion: Served
    challenger: Served | None = None
    unfit: Unfit | None = None


def load_models(settings: Settings) -> Models:
    """The models in the settings; raises UserError if a model is invalid, or if the two have different contracts.

    An invalid challenger by alias is only left out, because anyone may have registered it.
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
    """Whether an alias in the settings names another version than the served one."""
    challenger = models.challenger.model if models.challenger else models.unfit
    pairs = ((settings.model, models.champion.model), (settings.challenger, challenger))
    return any(
        _current(source) != (known.version if known else None) for source, known in pairs if registry.follows(source)
    )


def _current(source: str | None) -> int | None:
    """The version that an alias names; None for a folder, and for an alias without a version."""
    if source is None or not registry.follows(source):
        return None
    try:
        return registry.current(source)
    except registry.NoVersion:
        return None


def _challenger(source: str | None) -> Model | None:
    """The challenger; None if its alias names no version, as after a promotion."""
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
