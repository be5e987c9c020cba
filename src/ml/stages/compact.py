"""Convert closed segments of the prediction log to Parquet files by day, and delete expired files."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ml.io import cli, files, tables
from ml.io.errors import UserError
from ml.io.text import counted
from ml.prediction_log import line_tables, log_parts, predictions, segments
from ml.prediction_log.targets import numbered, redacted
from ml.settings.log import Log
from ml.settings.params import read_params


def main() -> None:
    """Compact closed segments, then delete segments and days that are older than the limits in params.yaml."""
    params = read_params().log
    directory, url = segments.places(params.directory, os.environ)
    if url is not None:
        raise UserError(
            f"PREDICTION_LOG is {redacted(url)}, so ship the log: make logs DO=ship. Compacted "
            "segments are not shipped."
        )
    with segments.sole_worker(directory):
        abandoned = segments.close_abandoned(directory)
        _remove_unfinished(directory)
        waiting = segments.listed(directory, segments.CLOSED)
        unreadable = sum(compact(directory, path) for path in waiting)
        pruned = segments.prune(directory, params.keep_segments_days) + _prune_days(directory, params)
    cli.say(
        f"compact: {counted(len(waiting), 'segment')}, {counted(unreadable, 'unreadable line')}, "
        f"{counted(pruned, 'old segment')} and days deleted; "
        f"{counted(abandoned.segments, 'segment')} of dead workers closed, "
        f"{counted(abandoned.torn, 'incomplete line')} cut off"
    )


def compact(directory: Path, path: Path) -> int:
    """Write one segment's rows by kind and day; the same segment gives the same files, so a repeat adds nothing."""
    name = segments.name_of(path)
    try:
        content = path.read_bytes()
    except OSError as error:  # one unreadable sector must not block all other days
        cli.say(f"compact: {path} cannot be read and is left as it is: {error.strerror}.")
        return 0
    read = line_tables.tables(numbered(name, content))
    for kind, frame in ((log_parts.PREDICTIONS, read.predictions), (log_parts.FEEDBACK, read.feedback)):
        for day, part in predictions.by_day(frame).items():
            file = directory / "compacted" / kind / f"day={day}" / f"{name}.parquet"
            tables.write_table(part, file)
            for written in (file, file.parent, file.parent.parent):
                files.sync(written)
    segments.finish(path, read.unreadable)
    return read.unreadable


def _remove_unfinished(directory: Path) -> None:
    """Temporary files of a killed compaction; only one compactor runs at a time."""
    for path in (directory / "compacted").glob("*/day=*/.*"):
        path.unlink()


def _prune_days(directory: Path, params: Log) -> int:
    if params.keep_days is None:
        return 0
    oldest = f"day={datetime.now(UTC) - timedelta(days=params.keep_days):%Y-%m-%d}"
    old = [path for path in (directory / "compacted").glob("*/day=*") if path.name < oldest]
    for path in old:
        shutil.rmtree(path)
    return len(old)


if __name__ == "__main__":
    cli.run(main)
