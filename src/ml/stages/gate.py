"""Decide whether the build may be registered."""

from pathlib import Path

from ml import gates
from ml.data.validation_record import ValidationRecord
from ml.gates import Evidence, Verdict
from ml.gates.gate_record import GateRecord
from ml.gates.scored_models import scored_champion, served
from ml.io import cli, files, locks, tables
from ml.io.text import counted
from ml.model import identity
from ml.model.features import with_made
from ml.model.figures_record import IntervalsRecord
from ml.model.model_contract import read_contract, settled
from ml.model.predictor import MODEL
from ml.registry import baseline, looks
from ml.settings import feature_source
from ml.settings.params import Params, read_params
from ml.tasks import outputs
from ml.tasks.choose import task_of


def main() -> int:
    """Judge the build by params.gates and write build/verdict.json; exit with 1 and list the gates that refuse it."""
    params = settled(read_params(), files.MODEL)
    evidence = collect(params)
    verdicts = gates.judge(evidence)
    refusals = gates.refused(verdicts)
    silent = gates.off(params)
    GateRecord(
        model=identity.of(files.MODEL),
        passed=not refusals,
        champion=next((v.outcome for v in verdicts if v.outcome), ""),
        against=evidence.champion.digest if evidence.champion else None,
        off=tuple(silent),
        verdicts=tuple(verdicts),
    ).write(files.VERDICT)
    if silent:
        cli.say(f"gate: off      {', '.join(silent)} (params.yaml: gates)")
    passed = sum(verdict.passed for verdict in verdicts)
    cli.say(
        f"gate: passed   {passed:,} of {counted(len(verdicts), 'verdict')}; {files.VERDICT} lists each with its figures"
    )
    for verdict in sorted((v for v in verdicts if not v.passed), key=_rank):
        cli.say(f"gate: {('passed ', 'WARNING', 'REFUSED')[_rank(verdict)]}  {verdict.gate}: {verdict.reason}")
    return 1 if refusals else 0


def collect(params: Params) -> Evidence:
    """The inputs of the gates, from build/, the lock files and the champion."""
    test, scored = tables.read_table(files.TEST), tables.read_table(files.SCORES)
    whole = files.read_bytes(files.MODEL / MODEL)  # with a reason if it is missing
    built = {path.name: files.read_bytes(path) for path in sorted(files.MODEL.iterdir())} | {MODEL: whole}
    ours, data = served(built, params.data), files.digest(Path(params.data.file))
    return Evidence(
        params=params,
        validation=ValidationRecord.read(files.VALIDATION).plain(),
        train=tables.StoredTable(files.TRAIN),
        test=with_made(test, feature_source.source()),
        label=scored["label"].to_numpy(),
        score=outputs.output(task_of(params.data), scored),
        intervals=IntervalsRecord.read(files.INTERVALS).known(),
        model=ours,
        locks=locks.read(),
        data=data,
        champion=scored_champion(baseline.find(params.project), built, ours, test, params),
        half_width=read_contract(built).half_width,
        looks=looks.count(params.project, identity.of(files.MODEL), data, params.prepare),
    )


def _rank(verdict: Verdict) -> int:
    return 0 if verdict.passed else 1 if verdict.severity == "warning" else 2


if __name__ == "__main__":
    cli.run(main)
