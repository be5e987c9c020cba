"""Add the labels of a table to the prediction log, without the API."""

import os
from datetime import UTC, datetime
from pathlib import Path

from ml.adoption import made_ids
from ml.data import reading
from ml.io import cli, files
from ml.io.errors import UserError
from ml.io.text import counted
from ml.prediction_log import segments
from ml.scoring.label_lines import digest, labels, lines
from ml.settings.params import read_params


def main(data: str = "") -> None:
    """Add the labels in DATA (a .parquet or .csv file) of predicted rows: columns of the id and of the target.

    Rows without a label are left out. The column actual_time holds the time of a label; without it the time is now. A
    repeat with the same table adds nothing.
    """
    params = read_params()
    if not data:
        raise UserError("set the table with the labels: make logs DO=label DATA=labels.csv")
    directory, _ = segments.places(params.log.directory, os.environ)
    found = labels(made_ids.given(reading.read(data).frame, params.data), params.data, data)
    name, now = f"labels-{digest(found)}-000000", datetime.now(UTC)
    directory.mkdir(parents=True, exist_ok=True)
    with files.locked(directory / ".labels.lock", f"another process adds labels to {directory}. Run it again later."):
        if _holds(directory, name):
            cli.say(f"label: {directory} holds these labels already")
            return
        content = lines(found, now.isoformat(timespec="microseconds"))
        files.write_bytes(content, directory / f"{now:%Y%m%dT%H%M%S}-{name}{segments.CLOSED}")
    cli.say(f"label: {counted(len(found), 'label')} in {directory}")


def _holds(directory: Path, name: str) -> bool:
    """Whether a segment has this name, or had it before it was compacted; temporary files do not count."""
    kept = segments.listed(directory, segments.CLOSED, segments.DONE, segments.BAD)
    return any(name in path.name for path in [*kept, *directory.glob(f"compacted/feedback/day=*/[!.]*{name}.parquet")])


if __name__ == "__main__":
    cli.run(main)
