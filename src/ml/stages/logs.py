"""Print the prediction log, wherever its lines are, as one table."""

import os
import sys
from csv import writer

from ml.io import cli, files
from ml.prediction_log import predictions, segments
from ml.settings.params import read_params


def main(since: str = "", until: str = "", rows: int = 20, csv: bool = False) -> None:
    """Print the newest predictions with their labels and how many there are in all; or every one as CSV."""
    directory, url = segments.places(read_params().log.directory, os.environ)
    sources = [directory, *([url] if url else [])]
    table = predictions.read_log(*sources, since=since, until=until)
    shown = table.drop(columns=predictions.KEY)
    if csv:
        cells = shown.astype(object).where(shown.notna(), "")
        writer(sys.stdout, lineterminator="\n").writerows([cells.columns, *cells.map(files.unformulated).to_numpy()])
    elif len(shown):
        print(shown.tail(rows).to_string(index=False, max_colwidth=24))
    where = directory if url is None else f"{directory} and the place it is shipped to"
    unreadable, repeated = table.attrs["unreadable"], table.attrs["repeated"]
    beside = [f"{unreadable} unreadable lines"] if unreadable else []
    beside += [f"{repeated} rows of requests that a proxy sent again, counted once"] if repeated else []
    cli.say(
        f"logs: {len(table):,} predicted rows of {table['request_id'].nunique():,} requests in {where}, "
        f"{(table['actuals'] > 0).sum():,} with a label{''.join(f'; {what}' for what in beside)}"
    )
    if table.empty:
        cli.say("logs: predictions appear here once the API answers: make serve")


if __name__ == "__main__":
    cli.run(main)
