"""Ship closed segments of the prediction log to the target in PREDICTION_LOG."""

import os
import time
from pathlib import Path

from ml.io import cli
from ml.io.errors import UserError
from ml.io.text import counted
from ml.prediction_log import segments
from ml.prediction_log.records import parse
from ml.prediction_log.targets import Bucket, Postgres, Unreachable, target
from ml.settings.log import Log
from ml.settings.params import read_params

LONGEST_WAIT = 60.0


def main(once: bool = False, every: float = 10.0) -> None:
    """Ship closed segments continuously, with longer waits while the target does not respond; or ship once."""
    params = read_params().log
    directory, url = segments.places(params.directory, os.environ)
    if url is None:
        raise UserError(
            "PREDICTION_LOG is not a target for shipping, e.g. postgresql://user@host/db or s3://bucket/folder. "
            "To keep the log in its directory: make logs DO=compact."
        )
    place, wait = target(url), every
    with segments.sole_worker(directory):
        while True:
            try:
                ship(directory, place, params)
                wait = every
            except Unreachable as error:
                if once:
                    raise
                wait = min(2 * wait, max(every, LONGEST_WAIT))
                cli.say(f"ship: {error} Next attempt in {wait:.0f} s.")
            if once:
                return
            time.sleep(wait)


def ship(directory: Path, place: Postgres | Bucket, params: Log) -> None:
    """Send every closed segment; mark each one after the target has stored it."""
    abandoned = segments.close_abandoned(directory)
    listed = segments.listed(directory, segments.CLOSED)
    waiting = [path for path in listed if segments.proper(segments.name_of(path))]
    for path in {*listed} - {*waiting}:
        cli.say(f"ship: {path} is not named like a segment and is left as it is. Move it away.")
    for path in waiting:
        try:
            content = path.read_bytes()
        except OSError as error:  # one unreadable sector must not block all other segments
            cli.say(f"ship: {path} cannot be read and is left as it is: {error.strerror}.")
            continue
        place.send(segments.name_of(path), content)
        segments.finish(path, sum(parse(line) is None for line in segments.whole(content)[0]))
    pruned = segments.prune(directory, params.keep_segments_days)
    if waiting or pruned or abandoned.segments:
        cli.say(
            f"ship: {counted(len(waiting), 'segment')} to {place.name}, {abandoned.segments} of dead workers closed, "
            f"{counted(abandoned.torn, 'incomplete line')} cut off, {counted(pruned, 'old segment')} deleted"
        )


if __name__ == "__main__":
    cli.run(main)
