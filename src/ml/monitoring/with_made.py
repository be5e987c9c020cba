"""The features in the prediction log as a release's profile counts them: with made columns, texts by their length."""

from dataclasses import replace

import pandas as pd

from ml.data.others import lengths
from ml.data.schema import inputs, with_columns
from ml.io.errors import UserError
from ml.model import made_columns
from ml.model.features import with_made
from ml.monitoring.collect import Collected
from ml.monitoring.drift import column
from ml.monitoring.log_tables import LogTable
from ml.monitoring.released import Released
from ml.monitoring.season import Read, comparable
from ml.prediction_log.records import in_table
from ml.settings import feature_source
from ml.settings.data import Data, Number, Text
from ml.settings.params import Params


def add(table: pd.DataFrame, release: Released, data: Data) -> pd.DataFrame:
    """The rows of a log with the columns that the release makes; raises UserError if its text cannot be run.

    Texts become levels, their number of words.
    """
    return _counted(_made(table, release, data), data)


def _counted(table: pd.DataFrame, data: Data) -> pd.DataFrame:
    texts = [in_table(name) for name, column in data.columns.items() if isinstance(column, Text)]
    return with_columns(table, {name: lengths(table[name]) for name in texts if name in table})


def _made(table: pd.DataFrame, release: Released, data: Data) -> pd.DataFrame:
    text = release.reference.features
    if not text or table.empty:
        return table
    known = {name: column(table, name) for name in data.columns}
    numbers = {n: pd.to_numeric(c, errors="coerce") for n, c in known.items() if isinstance(data.columns[n], Number)}
    frame = with_made(inputs(pd.DataFrame({**known, **numbers}, index=table.index), data), text)
    return with_columns(table, {in_table(name): frame[name] for name in feature_source.made(text)})


def completed(window: Collected, log: LogTable, release: Released, params: Params) -> tuple[Collected, Released]:
    """The window with all features of its judged rows, and the release that they are compared with."""
    rows, release = added(log.completed(window.rows), release, params.data)
    window = replace(window, rows=rows)
    if params.monitor.cluster in feature_source.made(release.reference.features):
        labelled = add(log.completed(window.settled.rows), release, params.data)
        window = replace(window, settled=replace(window.settled, rows=labelled))
    return window, release


def between(log: LogTable, release: Released, data: Data) -> Read:
    """The function that gives the comparable rows of the log between two times."""
    return lambda since, until: add(log.completed(comparable(log.between(since, until))), release, data)


def added(table: pd.DataFrame, release: Released, data: Data) -> tuple[pd.DataFrame, Released]:
    """The same, and the release; if its text cannot be run here, without these columns and with the reason."""
    try:
        return add(table, release, data), release
    except (UserError, KeyError) as error:
        names = ", ".join(feature_source.made(release.reference.features))
        why = f"Made columns ({names}) are not compared: {error}"
        return _counted(table, data), replace(release, reference=made_columns.without(release.reference), made=why)
