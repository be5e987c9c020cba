"""Retrain with fresh labelled rows and judge the result; `propose` publishes it on GitHub."""

import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ml.data import reading
from ml.data.notes import brief
from ml.gates.gate_record import GateRecord
from ml.io import cli, dvc, files, git, sheets, tables
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import identity
from ml.model.figures_record import MetricsRecord
from ml.prediction_log.segments import places
from ml.retraining import comparison, cooldown, fresh, fresh_rows, reasons, worktree
from ml.retraining.comparison import Attempt
from ml.retraining.fresh_rows import RowsFile
from ml.retraining.retrain_record import Judged, RetrainRecord
from ml.settings.params import Params, read_params


def main(rows: str = "", date: str = "", force: bool = False, encoding: str = "") -> None:
    """Retrain with the rows of file ROWS, by default of the prediction log, and write build/retrain.json.

    The result is branch retrain/DATE; your checkout is not changed. FORCE ignores the cooldown. ENCODING is that of a
    file of text.
    """
    day = _day(date)
    branch = read_params().retrain.base
    commit = git.base(branch)
    if commit is None:
        raise UserError(f"there is no branch {branch} to retrain from. Commit first, or set retrain.base.")
    with worktree.at(commit) as folder:
        params = read_params(folder / files.PARAMS)
        if warning := fresh.another_table(read_params().data, params.data, f"{branch} ({commit[:7]})"):
            cli.say(f"retrain: {warning}")
        if not force and (last := cooldown.last(params, day)):
            found: dict[str, Any] = {"outcome": "waiting", "reasons": [cooldown.wait(last, params)]}
        else:
            found = _attempt(folder, params, commit, day, RowsFile(rows, encoding))
    found |= {"project": params.project, "date": day, "base": branch, "base_commit": commit}
    record = RetrainRecord.model_validate(found | {"branch": f"{git.RETRAINING}{day}"})
    record.write(files.RETRAIN)
    for reason in record.reasons:
        cli.say(f"retrain: {reason}")
    cli.tell(f"{record.outcome.upper()}: {_next(record)}")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else datetime.now(UTC).date().isoformat()
    except ValueError:
        raise UserError(f"--date {text!r} is not a date. Write it like 2026-01-31.") from None


def _attempt(folder: Path, params: Params, commit: str, day: str, rows: RowsFile) -> dict[str, Any]:
    given = fresh_rows.read(rows, params, _log(params))
    dvc.must("pull", "data.dvc", folder=folder, hint=dvc.REMOTE)
    old = reading.read(folder / params.data.file).frame
    told = fresh.news(given, old, params.data)
    sifted = fresh.sift(told, old, params.data)
    for sentence in brief(sifted.changes):
        cli.say(f"retrain: fresh rows: {sentence}")
    counts = reasons.counts(sifted, known=len(given) - len(told))
    record: dict[str, Any] = {"rows": counts, "policy": _policy(params), "model": params.train.model}
    if len(sifted.bad):
        sheets.write_sheet(sifted.quarantine, files.QUARANTINE)
        cli.say(
            f"retrain: {len(sifted.bad):,} of {counted(len(sifted.bad) + len(sifted.good), 'row')} in "
            f"{files.QUARANTINE}"
        )
    if len(told) < params.retrain.min_rows:
        return record | {"outcome": "waiting", "reasons": [reasons.few(len(told), params)]}
    if sifted.share > params.retrain.max_quarantined:
        return record | {"outcome": "refused", "reasons": [reasons.broken_source(sifted, params)]}
    new = fresh.combine(old, sifted.good, params.data, params.retrain)
    sizes = {"before": len(old), "after": len(new.table), "replaced": new.replaced, "left": new.left}
    return (
        record
        | {"rows": counts.model_copy(update=sizes)}
        | _build(Attempt(folder, params, commit, day, sifted, old, new))
    )


def _build(attempt: Attempt) -> dict[str, Any]:
    folder, table = attempt.folder, attempt.folder / attempt.params.data.file
    (sheets.write_csv if table.suffix == ".csv" else tables.write_table)(attempt.new.table, table)
    dvc.must("add", "data", folder=folder)
    if dvc.repro(folder=folder, environment=worktree.environment(folder)):
        why = [*reasons.broken(folder)] or ["a stage failed; its message is in the log"]
        return {"outcome": "refused", "reasons": why}
    dvc.must("push", "data.dvc", folder=folder, hint=dvc.REMOTE)
    rows = counted(len(attempt.sifted.good), "fresh row")
    message = f"Retrain {attempt.params.project} with {rows}\n\n{cooldown.TRAILER} {attempt.day}"
    commit = worktree.commit(folder, f"{git.RETRAINING}{attempt.day}", message, attempt.day)
    if worktree.run(folder, sys.executable, "-m", "ml.stages.gate") not in {0, 1}:
        raise UserError("the gates gave no verdict; their message is printed above.")
    return {"commit": commit, **_judged(attempt)}


def _judged(attempt: Attempt) -> dict[str, Any]:
    folder = attempt.folder
    verdict = GateRecord.read(folder / files.VERDICT)
    compared = comparison.against_champion(attempt)
    why = [found.reason for found in verdict.refusals]
    why += [found.reason for found in compared if found.refused]
    before = git.show(attempt.base, files.METRICS)
    return {
        "outcome": "refused" if why else "proposed",
        "reasons": why,
        "verdicts": [Judged.model_validate(found, from_attributes=True) for found in verdict.verdicts],
        "compared": compared,
        "metrics": MetricsRecord.read(folder / files.METRICS).plain(),
        "before": MetricsRecord.parsed(before, f"{files.METRICS} at {attempt.base}").plain() if before else None,
        "digest": identity.of(folder / files.MODEL),
    }


def _policy(params: Params) -> dict[str, Any]:
    return params.retrain.model_dump() | {"split_by": params.prepare.split_by}


def _log(params: Params) -> list[Any]:
    directory, shipped = places(params.log.directory, os.environ)
    return [directory, *([shipped] if shipped else [])]


def _next(record: RetrainRecord) -> str:
    if record.outcome == "proposed":
        return f"branch {record.branch} is ready. Next: make propose, or git push origin {record.branch}"
    return "no pull request. " + " ".join(record.reasons)


if __name__ == "__main__":
    cli.run(main)
