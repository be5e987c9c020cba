"""Train again with fresh labelled rows and judge the result; `propose` then tells GitHub."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from ml.data import reading, row_ids
from ml.data.design import design_of
from ml.data.notes import brief
from ml.data.validation_record import ValidationRecord
from ml.gates.champion import threshold
from ml.gates.gate_record import GateRecord
from ml.io import cli, dvc, files, git
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import identity, model
from ml.model.predictor import settled
from ml.monitoring import rivals
from ml.prediction_log.predictions import read_log
from ml.prediction_log.segments import places
from ml.registry import baseline
from ml.retraining import fresh, worktree
from ml.retraining.retrain_record import Compared, Counts, Judged, RetrainRecord
from ml.settings.params import Params, read_params
from ml.settings.reading import parse
from ml.tasks.choose import task_of

PREFIX = "retrain/"
TRAILER = "Retrained-On:"


@dataclass(frozen=True)
class Attempt:
    """One retraining: in which folder, on which base, with which rows."""

    folder: Path
    params: Params
    base: str
    day: str
    sifted: fresh.Sifted
    old: pd.DataFrame
    new: fresh.Combined


def main(rows: str = "", date: str = "", force: bool = False) -> None:
    """Retrain with the rows of file ROWS, or else of the prediction log, and write build/retrain.json.

    The result is branch retrain/DATE, made beside your checkout, which stays as it is. FORCE ignores the cooldown.
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
        if not force and (last := _last(params, day)):
            found: dict[str, Any] = {"outcome": "waiting", "reasons": [_wait(last, params)]}
        else:
            found = _attempt(folder, params, commit, day, rows)
    found |= {"project": params.project, "date": day, "base": branch, "base_commit": commit}
    record = RetrainRecord.model_validate(found | {"branch": f"{PREFIX}{day}"})
    record.write(files.RETRAIN)
    for reason in record.reasons:
        cli.say(f"retrain: {reason}")
    print(f"{record.outcome.upper()}: {_next(record)}")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else datetime.now(UTC).date().isoformat()
    except ValueError:
        raise UserError(f"--date {text!r} is no date. Write it like 2026-01-31.") from None


def _attempt(folder: Path, params: Params, commit: str, day: str, rows: str) -> dict[str, Any]:
    given = _read(rows, params)
    dvc.must("pull", "data.dvc", folder=folder)
    old = reading.read(folder / params.data.file).frame
    told = fresh.news(given, old, params.data)
    sifted = fresh.sift(told, old, params.data)
    for sentence in brief(sifted.changes):
        cli.say(f"retrain: fresh rows: {sentence}")
    counts = _counts(sifted, known=len(given) - len(told))
    record: dict[str, Any] = {"rows": counts, "policy": _policy(params), "model": params.train.model}
    if len(sifted.bad):
        files.write_sheet(sifted.quarantine, files.QUARANTINE)
        cli.say(
            f"retrain: {len(sifted.bad):,} of {counted(len(sifted.bad) + len(sifted.good), 'row')} in "
            f"{files.QUARANTINE}"
        )
    if len(told) < params.retrain.min_rows:
        return record | {"outcome": "waiting", "reasons": [_few(len(told), params)]}
    if sifted.share > params.retrain.max_quarantined:
        return record | {"outcome": "refused", "reasons": [_broken_source(sifted, params)]}
    new = fresh.combine(old, sifted.good, params.data, params.retrain)
    sizes = {"before": len(old), "after": len(new.table), "replaced": new.replaced, "left": new.left}
    return (
        record
        | {"rows": counts.model_copy(update=sizes)}
        | _build(Attempt(folder, params, commit, day, sifted, old, new))
    )


def _build(attempt: Attempt) -> dict[str, Any]:
    folder, table = attempt.folder, attempt.folder / attempt.params.data.file
    (files.write_csv if table.suffix == ".csv" else files.write_table)(attempt.new.table, table)
    dvc.must("add", "data", folder=folder)
    if dvc.repro(folder=folder, environment=worktree.environment(folder)):
        return {"outcome": "refused", "reasons": [*_broken(folder)] or ["a stage failed; its message is in the log"]}
    dvc.must("push", "data.dvc", folder=folder)
    rows = counted(len(attempt.sifted.good), "fresh row")
    message = f"Retrain {attempt.params.project} with {rows}\n\n{TRAILER} {attempt.day}"
    commit = worktree.commit(folder, f"{PREFIX}{attempt.day}", message, attempt.day)
    if worktree.run(folder, sys.executable, "-m", "ml.stages.gate") not in {0, 1}:
        raise UserError("the gates gave no verdict; their message is above.")
    return {"commit": commit, **_judged(attempt)}


def _judged(attempt: Attempt) -> dict[str, Any]:
    folder = attempt.folder
    verdict = GateRecord.read(folder / files.VERDICT)
    compared = against_champion(attempt)
    reasons = [found.reason for found in verdict.refusals]
    reasons += [found.reason for found in compared if found.refused]
    before = git.show(attempt.base, files.METRICS)
    return {
        "outcome": "refused" if reasons else "proposed",
        "reasons": reasons,
        "verdicts": [Judged.model_validate(found, from_attributes=True) for found in verdict.verdicts],
        "compared": [Compared.model_validate(found, from_attributes=True) for found in compared],
        "metrics": files.read_json(folder / files.METRICS),
        "before": parse(before) if before else None,
        "digest": identity.of(folder / files.MODEL),
    }


def against_champion(attempt: Attempt) -> list[rivals.Found]:
    """Champion and challenger on the fresh and on the old rows that neither has trained on."""
    params = attempt.params
    champion = baseline.find(params.project, params.retrain.base)
    if champion is None or champion.model is None or params.gates.champion is None:
        return []
    rows = fresh.unseen(attempt.old, attempt.new, params.data, params.prepare)
    task = task_of(params.data)
    label = task.truth(rows[params.data.target.name])
    built = files.read_bytes(attempt.folder / files.MODEL / "model.skops")
    try:
        old = model.scores(model.loads(champion.model), rows, params.data)
    except (KeyError, ValueError) as error:
        gone = sorted({*model.loads(champion.model).feature_names_in_} - {*params.data.columns})
        why = f"it needs other columns ({', '.join(gone)})" if gone else " ".join(str(error).split())
        cli.say(f"retrain: {champion.version} cannot score these rows, so nothing is compared with it: {why}")
        return []
    scores = [old, model.scores(model.loads(built), rows, params.data)]
    is_fresh = rows[params.data.id].isin(attempt.sifted.good[params.data.id]).to_numpy()
    ours = settled(params, attempt.folder / files.MODEL).evaluate.threshold
    cuts = [threshold(champion.params, params), ours]
    found = []
    for name, at in (("fresh", is_fresh), ("old", ~is_fresh)):
        part = design_of(rows[at], params.data)
        old, new = (task.score(label[at], score[at], cut, part) for score, cut in zip(scores, cuts, strict=True))
        found.append(rivals.judge(name, champion.version, (old, new), params))
    return found


def _policy(params: Params) -> dict[str, Any]:
    return params.retrain.model_dump() | {"split_by": params.prepare.split_by}


def _read(rows: str, params: Params) -> pd.DataFrame:
    if rows:
        found = reading.read(rows)
        for note in brief(found.notes):
            cli.say(f"retrain: {note}")
        return row_ids.given(found.frame, params.data.id)
    if lacking := [name for name in (params.data.group, params.data.weight) if name]:
        raise UserError(
            f"the prediction log does not hold {' and '.join(lacking)} (data.group, data.weight), so its rows cannot "
            "train. Name a table that has every column of the contract: make retrain ROWS=file.parquet (or .csv)."
        )
    directory, shipped = places(params.log.directory, os.environ)
    table = fresh.labelled(read_log(*([directory, shipped] if shipped else [directory])), params.data)
    if table.empty:
        raise UserError(
            f"the prediction log in {directory} holds no labelled rows. Labels come by POST /feedback; or name a "
            f"table with the label in it: make retrain ROWS=file.parquet (or .csv)."
        )
    return table


def _counts(sifted: fresh.Sifted, known: int) -> Counts:
    why = {str(reason): int(count) for reason, count in sifted.reasons.value_counts().items()}
    return Counts(fresh=len(sifted.good), quarantined=len(sifted.bad), why=why, known=known)


def _few(rows: int, params: Params) -> str:
    return f"{counted(rows, 'fresh labelled row')}: fewer than retrain.min_rows {params.retrain.min_rows:,}"


def _broken_source(sifted: fresh.Sifted, params: Params) -> str:
    why = sifted.broken.value_counts()
    return (
        f"{len(sifted.broken):,} of {counted(len(sifted.bad) + len(sifted.good), 'fresh row')} "
        f"({sifted.share:.1%}) break the "
        f"contract, more than retrain.max_quarantined {params.retrain.max_quarantined:.1%}; most often "
        f"{why.index[0]} ({counted(int(why.iloc[0]), 'row')}). Mend the source: {files.QUARANTINE} has the rows."
    )


def _broken(folder: Path) -> Iterator[str]:
    path = folder / files.VALIDATION
    for check in ValidationRecord.read(path).broken if path.exists() else ():
        yield f"{check.subject}: {check.found}"


def _last(params: Params, day: str) -> str | None:
    """The day of the last proposal if it is within the cooldown; today's own does not count."""
    names = (git.ask("ls-remote", "origin", f"refs/heads/{PREFIX}*") or "").split()
    days = [name.rsplit("/", 1)[1] for name in names if name.startswith(f"refs/heads/{PREFIX}")]
    merged = git.ask("log", "-20", f"--grep=^{TRAILER}", "--format=%B", git.base(params.retrain.base) or "HEAD") or ""
    days += [line.split()[1] for line in merged.splitlines() if line.startswith(TRAILER)]
    since = (date.fromisoformat(day) - timedelta(days=params.retrain.cooldown_days)).isoformat()
    return max((d for d in days if since < d < day), default=None)


def _wait(last: str, params: Params) -> str:
    days = params.retrain.cooldown_days
    return (
        f"the last proposal is of {last}, less than {counted(days, 'day')} ago (retrain.cooldown_days); "
        "FORCE=1 goes ahead"
    )


def _next(record: RetrainRecord) -> str:
    if record.outcome == "proposed":
        return f"branch {record.branch} is ready. Next: make propose, or git push origin {record.branch}"
    return "no pull request. " + " ".join(record.reasons)


if __name__ == "__main__":
    cli.run(main)
