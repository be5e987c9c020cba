"""Score a table of any size with the rules of the API."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml.adoption import adopt_changes, exported_files
from ml.data import schema
from ml.engine import job, output_store, source, spread
from ml.engine.job import Job
from ml.engine.source import Source
from ml.engine.spread import Team
from ml.engine.table import written as written_numbers
from ml.io import cli, files, sheets
from ml.io.errors import UserError
from ml.io.text import counted
from ml.prediction_log import segments
from ml.registry.ledger import CHAMPION
from ml.scoring import named_model, quarantine
from ml.scoring.outcome import ChunkTask, Outcome, Shared, make
from ml.scoring.progress import Progress
from ml.settings.params import Params, read_params


def main(  # noqa: PLR0913, PLR0917 - one flag each
    data: str = "",
    out: str = "",
    model: str = "",
    challenger: str = "",
    query: str = "",
    champion: bool = False,
    explain: bool = False,
    encoding: str = "",
) -> None:
    """Write OUT/: a score, decision, model, request id and time for each row of DATA, as Parquet.

    DATA is a .parquet or .csv file, a file that adopt reads, a folder of them, a URL of fsspec, or postgresql://… with
    a QUERY; OUT may be a URL too. Rows that break the contract go to OUT/_quarantine; too many of them stop the job. A
    repeated command resumes a killed job. MODEL is the champion; predictions of the CHALLENGER go only to the
    prediction log. --champion refuses a MODEL that is not the champion. --explain adds the contribution of each column
    to each score. ENCODING names the encoding of a text file.
    """
    params = read_params()
    if not (data and out):
        raise UserError("set the table and the output: make score DATA=data/new.parquet OUT=scores")
    source.must_be_apart(data, out)
    models = named_model.pair(model or f"models:/{params.project}@{CHAMPION}", challenger, champion=champion)
    table = _source(data, query, encoding)
    origin: dict[str, Any] = {"source": table.identity, "models": [m.digest for m in models], "rows": params.score.rows}
    if explain:
        models[0].explain  # noqa: B018 - one that cannot is refused before any row is read
        origin["explain"] = True
    if encoding:
        origin["encoding"] = encoding
    there = output_store.at(out)
    output = there.staging if there else Path(out.removeprefix("file://")).absolute()
    if found := (there.finished(origin) if there else job.finished(output, origin)):
        cli.say(f"score: {source.shown(out)} holds these {found['scored']:,} scores already")
        return
    if there:
        there.clear(origin)
    if not job.finished(output, origin):
        with job.begun(output, origin) as begun:
            names = sorted({*schema.numbers(models[0].contract.data)} & table.texts)
            written = written_numbers(table.chunks(params.score.rows, names), names) if names else {}
            _run(begun, table, Shared(begun, models, explain, table.total, written), params)
    if there:
        there.put(origin)
        cli.say(f"score: uploaded to {source.shown(out)}")


def _source(data: str, query: str, encoding: str) -> Source:
    """The table at an address; a file in another format than Parquet and CSV is converted in memory."""
    if encoding and not Path(data).is_file():
        raise UserError(f"ENCODING={encoding} is for one file on this machine. Leave it out, or convert the files.")
    if query or not (encoding or exported_files.exported(data)):
        return source.opened(data, query)
    found = exported_files.read(Path(data), encoding).table
    for note in found.notes:
        cli.say(f"score: {note}")
    return source.Held(data, adopt_changes.written(found.frame, ""))


def _run(begun: Job, table: Source, shared: Shared, params: Params) -> None:
    models = shared.models
    cli.say(f"score: {models[0].name}{', resuming the interrupted job' if begun.old else ''}")
    progress, parts = Progress(table.total), 0
    with spread.team(params.engine, os.environ.get("DASK_SCHEDULER", "")) as team:
        for counts, fresh in _parts(table, shared, team, params.score.rows):
            parts += 1
            if told := progress.after(counts["scored"], counts["quarantined"], time.monotonic(), fresh):
                cli.say(f"score: {told}")
            if table.total:
                _must_be_few(progress, table.total, begun, params)
    if not parts:
        raise UserError("the table has no row to score. Export it again, or correct DATA or the query.")
    _must_be_few(progress, progress.rows, begun, params)
    _log(begun, params)
    counts = {"scored": progress.scored, "quarantined": progress.quarantined, "parts": parts}
    begun.publish({"model": models[0].name, **counts})
    cli.say(f"score: {counted(progress.scored, 'row')} in {begun.output}, {progress.quarantined:,} in quarantine")


def _parts(table: Source, shared: Shared, team: Team, rows: int) -> Iterator[tuple[dict[str, int], bool]]:
    """The counts of every part, and whether this process made it; complete parts of an earlier process first."""
    begun = shared.job
    earlier = begun.parts()
    yield from ((counts, False) for counts in earlier.values())
    tasks = (ChunkTask(n, chunk) for n, chunk in enumerate(table.chunks(rows)) if n not in earlier)
    for task, found in team.each(make, tasks, shared):
        _keep(begun, task.number, found)
        yield found.counts, True


def _keep(begun: Job, number: int, found: Outcome) -> None:
    for name, lines in found.lines.items():
        files.write_bytes(lines, begun.folder / "log" / name)
    files.write_bytes(found.table, begun.out / f"part-{number:06d}.parquet")
    if len(found.refused):
        sheets.write_sheet(found.refused, begun.out / quarantine.NAME / f"part-{number:06d}.csv")
    begun.finish_part(number, found.counts)


def _must_be_few(progress: Progress, total: int, begun: Job, params: Params) -> None:
    """Raise UserError if more rows break the contract than allowed."""
    most = params.score.max_quarantined
    if progress.quarantined > most * total:
        raise UserError(
            f"{progress.quarantined:,} of {counted(total, 'row')} break the contract, over {most:.1%}, e.g. "
            f"{quarantine.example(begun.out)}. Nothing is published. {begun.out / quarantine.NAME} contains them with "
            "the reasons. Fix them, or increase score.max_quarantined."
        )


def _log(begun: Job, params: Params) -> None:
    """Add the lines to the prediction log, each segment complete and once."""
    directory, _ = segments.places(params.log.directory, os.environ)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the prediction log {directory} cannot be created: {error.strerror}. Correct log.directory or "
            "PREDICTION_LOG and run the command again; it resumes."
        ) from None
    for path in sorted((begun.folder / "log").iterdir()):
        if path.stat().st_size and not segments.known(directory, path.name):
            files.move(path, directory / f"{path.name}{segments.CLOSED}")


if __name__ == "__main__":
    cli.run(main)
