"""The columns that src/features.py makes, in the reference of a release: monitoring compares them like any other."""

from typing import Any

import pandas as pd

from ml.model import reference
from ml.model.features import with_made
from ml.model.reference import COARSE, POINTS, Levels, Numbers, Reference, of_levels, of_numbers
from ml.settings import features
from ml.settings.data import Data


def build(source: str, train: pd.DataFrame, *told: Any) -> Reference:
    """The reference of a model with the columns that it makes; `told` is what reference.build takes beside `train`."""
    released = reference.build(train, *told)
    return profiled(released, train, told[2].data, source)


def profiled(released: Reference, train: pd.DataFrame, data: Data, source: str) -> Reference:
    """The reference with the columns that this text of src/features.py makes of the training rows."""
    known = features.made(source)
    if not known:
        return released
    frame = with_made(train[[*data.columns]], source)[[*known]]
    months = pd.to_datetime(train[data.time]).dt.month if data.time else pd.Series(0, index=train.index)
    found = {
        number: month.model_copy(
            update={"columns": {**month.columns, **_columns(frame[months == int(number)], known, COARSE)}}
        )
        for number, month in released.months.items()
    }
    columns = {**released.columns, **_columns(frame, known, POINTS)}
    return released.model_copy(update={"columns": columns, "months": found, "features": source})


def without(released: Reference) -> Reference:
    """The reference without these columns."""
    gone = features.made(released.features)
    kept = {name: part for name, part in released.columns.items() if name not in gone}
    months = {
        number: month.model_copy(update={"columns": {n: p for n, p in month.columns.items() if n not in gone}})
        for number, month in released.months.items()
    }
    return released.model_copy(update={"columns": kept, "months": months, "features": ""})


def _columns(frame: pd.DataFrame, known: dict[str, features.Levels], most: int) -> dict[str, Numbers | Levels]:
    return {
        name: of_numbers(frame[name], most) if levels is None else of_levels(frame[name])
        for name, levels in known.items()
    }
