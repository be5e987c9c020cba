"""Print the prediction log of all sources as one table."""

import os
import sys
from shutil import get_terminal_size
from typing import Any

import pandas as pd

from ml.io import cli, sheets
from ml.io.text import counted
from ml.prediction_log import condensed, predictions, segments
from ml.prediction_log.line_tables import ACTUAL
from ml.settings.params import read_params


def main(since: str = "", until: str = "", rows: int = 20, csv: bool = False) -> None:
    """Print the newest predictions with their labels and the total number; or all of them as CSV."""
    directory, url = segments.places(read_params().log.directory, os.environ)
    sources = [directory, *([url] if url else [])]
    if csv:
        table = predictions.read_log(*sources, since=since, until=until)
        shown = table.drop(columns=predictions.KEY)
        sys.stdout.write(sheets.sheet(shown.astype(object).where(shown.notna(), "")))
    else:
        table = condensed.read_condensed(sources, predictions.period(since, until))
        if len(newest := table.tail(rows)):
            cli.tell(_fitting(_with_features(newest, sources)))
    where = directory if url is None else f"{directory} and the place it is shipped to"
    unreadable, repeated = table.attrs["unreadable"], table.attrs["repeated"]
    beside = [counted(unreadable, "unreadable line")] if unreadable else []
    beside += [f"{counted(repeated, 'row')} of requests that a proxy repeated, counted once"] if repeated else []
    cli.say(
        f"logs: {counted(len(table), 'predicted row')} of {counted(table['request_id'].nunique(), 'request')} "
        f"in {where}, {(table['actuals'] > 0).sum():,} with a label{''.join(f'; {what}' for what in beside)}"
    )
    if sample := condensed.represented(table.attrs.get("share", 1)):
        cli.say(f"logs: {sample} CSV=1 prints all rows.")
    if table.empty and (since or until):
        cli.say("logs: choose another SINCE or UNTIL; without them, make logs shows the newest predictions")
    elif table.empty:
        cli.say("logs: the API writes predictions to the log: make serve")


def _with_features(newest: pd.DataFrame, sources: list[Any]) -> pd.DataFrame:
    """The rows as `read_log` orders their columns."""
    found = condensed.completed(newest, sources)
    first, last = [*predictions.FIRST], [*predictions.LAST, *ACTUAL]
    names = [*first, *(name for name in found if name not in {*first, *last}), *last]
    return found[names].drop(columns=predictions.KEY)


def _fitting(table: pd.DataFrame) -> str:
    """The table in the width of the terminal: the last columns, which are features, are left out if they do not fit."""
    width = get_terminal_size((160, 24)).columns
    whole = table.to_string(index=False, max_colwidth=24)
    names = [*table]
    place = names.index(predictions.LAST[0])
    first, last = [name for name in names[:place] if name in predictions.FIRST], names[place:]
    features = names[len(first) : place]
    kept = list(features)
    while len(whole.partition("\n")[0]) > width and kept:
        kept.pop()
        whole = table[[*first, *kept, *last]].to_string(index=False, max_colwidth=24)
    left = len(features) - len(kept)
    return f"{whole}\n({counted(left, 'more column')} of features: CSV=1 prints all)" if left else whole


if __name__ == "__main__":
    cli.run(main)
