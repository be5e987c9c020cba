"""Score a table of any size with a model, as the API would answer each row."""

import os
import time
from pathlib import Path

from ml.engine import job, source
from ml.engine.job import Job
from ml.engine.source import Source
from ml.io import cli, files
from ml.io.errors import UserError
from ml.prediction_log import segments
from ml.registry.ledger import CHAMPION
from ml.scoring import answers, rows, scored
from ml.scoring.progress import Progress
from ml.scoring.scored import Scorer
from ml.settings.params import Params, read_params


def main(  # noqa: PLR0913, PLR0917 - one flag each
    data: str = "", out: str = "", model: str = "", challenger: str = "", query: str = "", champion: bool = False
) -> None:
    """Write OUT/: a score, decision, model, request id and time for each row of DATA, as Parquet.

    DATA is a .parquet or .csv file, a folder of them, a URL of fsspec, or postgresql://… with a QUERY. Rows that break
    the contract go to OUT/_quarantine; too many of them stop the job. A job that was killed goes on when it is given
    again. MODEL is the champion; CHALLENGER's answers go to the prediction log alone. --champion refuses a MODEL that
    is not the champion.
    """
    params = read_params()
    if not (data and out):
        raise UserError("say what to score and where to write it: make score DATA=data/new.parquet OUT=scores")
    models = [scored.load(model or f"models:/{params.project}@{CHAMPION}")]
    if champion:
        scored.must_be_champion(models[0])
    if challenger:
        models.append(scored.load(challenger))
        scored.same_rows(*models)
    table = source.opened(data, query)
    origin = {"source": table.identity, "models": [m.digest for m in models], "rows": params.score.rows}
    output = Path(out).absolute()
    if found := job.finished(output, origin):
        cli.say(f"score: {out} holds these {found['scored']:,} scores already")
        return
    with job.begun(output, origin) as begun:
        _run(begun, table, models, params)


def _run(begun: Job, table: Source, models: list[Scorer], params: Params) -> None:
    cli.say(f"score: {models[0].name}{', which goes on where it stopped' if begun.old else ''}")
    progress = Progress(table.total)
    parts = 0
    for number, chunk in enumerate(table.chunks(params.score.rows)):
        counts = begun.part(number)
        fresh = counts is None
        if fresh:
            counts = _part(begun, number, chunk, models)
        parts = number + 1
        if told := progress.after(counts["scored"], counts["quarantined"], time.monotonic(), fresh):
            cli.say(f"score: {told}")
        if table.total:
            _must_be_few(progress, table.total, begun, params)
    if not parts:
        raise UserError("there is no row to score. Correct DATA or the query.")
    _must_be_few(progress, progress.rows, begun, params)
    _log(begun, params)
    begun.publish(
        {"model": models[0].name, "scored": progress.scored, "quarantined": progress.quarantined, "parts": parts}
    )
    cli.say(f"score: {progress.scored:,} rows in {begun.output}, {progress.quarantined:,} in quarantine")


def _part(begun: Job, number: int, chunk: source.Chunk, models: list[Scorer]) -> dict[str, int]:
    """Score a chunk and keep what came of it; the same files each time, should a kill make it come again."""
    checked = rows.check(chunk, models[0].contract.data)
    for model, variant in zip(models, (answers.CHAMPION, answers.SHADOW), strict=False):
        scores = model.predictor.scores(checked.rows).tolist() if checked.rows else []
        given = answers.Answers(model, checked, scores, begun, number)
        files.write_bytes(given.lines(variant), begun.folder / "log" / answers.segment(begun, number, variant))
        if model is models[0]:
            files.write_table(given.table(), begun.out / f"part-{number:06d}.parquet")
    if len(checked.refused):
        files.write_sheet(checked.refused, begun.out / "_quarantine" / f"part-{number:06d}.csv")
    counts = {"scored": len(checked.rows), "quarantined": len(checked.refused)}
    begun.finish_part(number, counts)
    return counts


def _must_be_few(progress: Progress, total: int, begun: Job, params: Params) -> None:
    """Raise UserError when more rows break the contract than may."""
    most = params.score.max_quarantined
    if progress.quarantined > most * total:
        raise UserError(
            f"{progress.quarantined:,} of {total:,} rows break the contract, over {most:.1%}. Nothing is published."
            f" {begun.out / '_quarantine'} has them and the reasons. Mend them, or raise score.max_quarantined."
        )


def _log(begun: Job, params: Params) -> None:
    """Put the lines into the prediction log, each segment whole and once."""
    directory, _ = segments.places(params.log.directory, os.environ)
    for path in sorted((begun.folder / "log").iterdir()):
        if path.stat().st_size and not segments.known(directory, path.name):
            files.write_bytes(path.read_bytes(), directory / f"{path.name}{segments.CLOSED}")


if __name__ == "__main__":
    cli.run(main)
