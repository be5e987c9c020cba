"""The fresh rows of a retraining: from a file, from the prediction log, or from a file that the log completes."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ml.adoption import exported_files, made_ids
from ml.data.notes import brief
from ml.data.words import text
from ml.io import cli
from ml.io.errors import UserError
from ml.io.text import counted
from ml.prediction_log.predictions import read_log
from ml.retraining import fresh
from ml.settings.data import Data
from ml.settings.params import Params


class RowsFile(NamedTuple):
    """The file of a user with fresh rows, if one is named, and the encoding of its text."""

    path: str = ""
    encoding: str = ""


class Completed(NamedTuple):
    """The rows whose ids are in the log, with its features, and the number of other rows."""

    table: pd.DataFrame
    unknown: int


def read(rows: RowsFile, params: Params, log: list[Any]) -> pd.DataFrame:
    """The rows of the file, completed by the log if it has no features, or the labelled rows of the log.

    `log` lists the sources of the prediction log. Raises UserError if there are no rows, or if they cannot be trained
    on.
    """
    if rows.path:
        return _given(rows, params, log)
    if lacking := [name for name in (params.data.group, params.data.weight) if name]:
        needed = " and ".join(lacking)
        raise UserError(
            f"the prediction log does not hold {needed} (data.group, data.weight), so its rows cannot train by "
            f"themselves. Set a table with {', '.join([params.data.id, *lacking])}, which is joined with the log by "
            f"{params.data.id}, or with every column of the contract: make retrain ROWS=file.parquet (or .csv)."
        )
    table = fresh.labelled(read_log(*log), params.data)
    if table.empty:
        raise UserError(
            f"the prediction log in {params.log.directory} holds no labelled rows. Labels come by POST /feedback or "
            f"`make logs DO=label`; or name a "
            f"table with the label in it: make retrain ROWS=file.parquet (or .csv)."
        )
    return table


def _given(rows: RowsFile, params: Params, log: list[Any]) -> pd.DataFrame:
    """The rows of a file; features that it lacks completely come from the log."""
    found = exported_files.read(Path(rows.path), rows.encoding, params.data.target.name).table
    for note in brief(found.notes):
        cli.say(f"retrain: {note}")
    table = made_ids.given(found.frame, params.data)
    if not lacking(table, params.data):
        return table
    joined = completed(table, read_log(*log), params.data)
    said = f"; {joined.unknown:,} have no labelled prediction there and are left out" if joined.unknown else ""
    cli.say(
        f"retrain: {rows.path} holds no features: {counted(len(joined.table), 'row')} get theirs from the prediction "
        f"log by {params.data.id}{said}"
    )
    return joined.table


def lacking(rows: pd.DataFrame, data: Data) -> bool:
    """Whether a table has the id and no column of features, so that the log must provide them."""
    return data.id in rows and not {*data.columns} & {*rows}


def completed(rows: pd.DataFrame, log: pd.DataFrame, data: Data) -> Completed:
    """Each row with the features of the newest prediction of its id; the rows' own values have priority.

    Without a column of labels the label comes from the log, and an id without one counts as unknown. `log` as
    ml.prediction_log.predictions.read_log returns it.
    """
    known = fresh.predicted(log, data) if data.target.name in rows else fresh.labelled(log, data)
    known = known[[data.id, *(name for name in known if name not in rows)]]
    found = rows.assign(**{data.id: rows[data.id].map(text)}).merge(known, on=data.id)
    return Completed(found, len(rows) - len(found))
