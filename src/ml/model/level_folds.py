"""The folds in which means of levels are cross-fitted: rows of one entity of data.group stay together."""

from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import TargetEncoder

from ml.model.features import FOLDS, LEVEL_MEANS


@contextmanager
def by_entity(model: Pipeline, entity: np.ndarray | None) -> Generator[None]:
    """Cross-fit the means of levels by entity while the preprocessing is fitted on the rows of `entity`.

    `entity` holds the number of each row's entity, shape (rows,), or None for folds of rows. The stored model does not
    contain these folds, which depend on the training rows.
    """
    encoder = _encoder(model, "transformers")
    if encoder is None or entity is None or (count := len(np.unique(entity))) == 1:
        yield
        return
    usual = encoder.cv
    encoder.cv = [*GroupKFold(min(FOLDS, count)).split(entity, groups=entity)]
    try:
        yield
    finally:
        for place in ("transformers", "transformers_"):
            if found := _encoder(model, place):
                found.cv = usual


def _encoder(model: Pipeline, place: str) -> TargetEncoder | None:
    """The encoder in the preprocessing, unfitted (`transformers`) or fitted (`transformers_`), if there is one."""
    parts = getattr(model.named_steps.get("preprocessing"), place, [])
    return next((part.named_steps["means"] for name, part, _ in parts if name == LEVEL_MEANS), None)
