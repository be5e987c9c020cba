"""The columns that src/features.py makes: their bounds, and their reference for monitoring."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ml.data.schema import ContractError, inputs
from ml.io.tables import Table, parts
from ml.io.text import counted
from ml.model import reference
from ml.model.distributions import POINTS, Levels, Numbers, of_levels, of_numbers
from ml.model.features import of_frame, with_made
from ml.model.made_checks import breaches, made_of
from ml.model.reference import COARSE, Reference
from ml.settings import feature_source
from ml.settings.data import Data


def build(source: str, train: Table, *told: Any) -> Reference:
    """The reference of a model with the columns that it makes; `told` holds the other arguments of reference.build."""
    released = reference.build(train, *told)
    return profiled(released, train, told[2].data, source)


def profiled(released: Reference, train: Table, data: Data, source: str) -> Reference:
    """The reference with the columns that this text of src/features.py makes of the training rows."""
    known = feature_source.made(source)
    if not known:
        return released
    made = (with_made(part, source)[[*known]] for part in parts(train, [*data.columns]))
    frame = pd.concat(made, ignore_index=True)
    months = pd.to_datetime(train[data.time]).dt.month.to_numpy() if data.time else np.zeros(len(train))
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
    gone = feature_source.made(released.features)
    kept = {name: part for name, part in released.columns.items() if name not in gone}
    months = {
        number: month.model_copy(update={"columns": {n: p for n, p in month.columns.items() if n not in gone}})
        for number, month in released.months.items()
    }
    return released.model_copy(update={"columns": kept, "months": months, "features": ""})


def broken(frame: pd.DataFrame, data: Data, source: str) -> Iterator[tuple[str, pd.Series, str]]:
    """Made column with its source columns, rows and reason of each breach of data.made, in the contract's types."""
    if data.made and len(frame):
        yield from _broken(with_made(inputs(frame, data), source), data, source)


def checked(frame: pd.DataFrame, data: Data, source: str) -> pd.DataFrame:
    """The rows unchanged; raises ContractError if columns that are made of them break data.made."""
    if not data.made:
        return frame
    made = with_made(inputs(frame, data), source)
    problems = [
        (
            name,
            f"{int(rows.sum()):,} of {counted(len(frame), 'row')} {why}, e.g. {data.id} {frame[data.id][rows].iloc[0]}",
        )
        for name, rows, why in _broken(made, data, source)
        if rows.any()
    ]
    for name, bound in data.made.items():
        if 0 < bound.missing < (share := float(made[name].isna().mean())):
            problems.append((made_of(name, source), f"missing in {share:.1%} of rows, allowed {bound.missing:.1%}"))
    if problems:
        raise ContractError(data, problems, settings=[f"data.made.{name}" for name in data.made])
    return frame


def _broken(made: pd.DataFrame, data: Data, source: str) -> Iterator[tuple[str, pd.Series, str]]:
    """The same for rows that already have their made columns."""
    for name, rows, why in breaches(of_frame(made), data):
        yield made_of(name, source), pd.Series(rows, index=made.index), why


def _columns(frame: pd.DataFrame, known: dict[str, feature_source.Levels], most: int) -> dict[str, Numbers | Levels]:
    return {
        name: of_numbers(frame[name], most) if levels is None else of_levels(frame[name])
        for name, levels in known.items()
    }
