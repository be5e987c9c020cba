"""Decide whether the model that was built may be registered."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ml import gates
from ml.data.validation_record import ValidationRecord
from ml.gates import Evidence, ScoredChampion, Served, Verdict, champion
from ml.gates.gate_record import GateRecord
from ml.io import cli, endpoint, files, locks
from ml.io.text import counted
from ml.model import identity, model, parity
from ml.model.features import with_made
from ml.model.predictor import CONTRACT, MODEL, Contract, from_files, loaded, read_contract, settled
from ml.registry import baseline, looks
from ml.settings import features
from ml.settings.data import Data
from ml.settings.params import Params, read_params
from ml.tasks.choose import task_of


def main() -> int:
    """Judge the build by params.gates and write build/verdict.json; exit 1 when a gate refuses, naming each."""
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
        f"gate: passed   {passed:,} of {counted(len(verdicts), 'verdict')}; {files.VERDICT} holds each with its figures"
    )
    for verdict in sorted((v for v in verdicts if not v.passed), key=_rank):
        cli.say(f"gate: {('passed ', 'WARNING', 'REFUSED')[_rank(verdict)]}  {verdict.gate}: {verdict.reason}")
    return 1 if refusals else 0


def collect(params: Params) -> Evidence:
    """Everything the gates judge, from build/, the lock files and the champion."""
    train, test = files.read_table(files.TRAIN), files.read_table(files.TEST)
    scored = files.read_table(files.SCORES)
    content = files.read_bytes(files.MODEL / MODEL)
    built = {path.name: files.read_bytes(path) for path in sorted(files.MODEL.iterdir())}
    ours, data = served(built, params.data), files.digest(Path(params.data.file))
    return Evidence(
        params=params,
        validation=ValidationRecord.read(files.VALIDATION).plain(),
        train=train,
        test=with_made(test, features.source()),
        label=scored["label"].to_numpy(),
        score=output_of(scored, params.data),
        intervals=files.read_json(files.INTERVALS),
        model=ours,
        locks=locks.read(),
        data=data,
        champion=_champion(ours, content, test, params),
        half_width=read_contract(built).half_width,
        looks=looks.count(params.project, identity.of(files.MODEL), data, params.prepare),
    )


def output_of(scored: pd.DataFrame, data: Data) -> np.ndarray:
    """The model's output as evaluate wrote it; shape (rows,) or (rows, classes)."""
    found = scored[task_of(data).columns()].to_numpy()
    return found[:, 0] if found.shape[1] == 1 else found


def served(built: Mapping[str, bytes], data: Data) -> Served:
    """The model whose files these are: the pipeline for whole tables, for rows the compiled form that ships."""
    fitted, predictor = model.loads(built[MODEL]), from_files(built)
    return Served(
        score=lambda frame: model.scores(fitted, frame, data),
        answer=predictor.scores,
        tabled=partial(parity.tabled, predictor, data),
        server=partial(endpoint.answering, built),
        size=loaded(built, predictor.kind),
        uncompiled=predictor.reason,
    )


def compile_anew(content: bytes, params: Params) -> dict[str, bytes]:
    """The files of a model of which only model.skops is at hand."""
    from ml.model.compiled import compiled, uncompiled  # noqa: PLC0415  (a second of imports, for a champion only)

    contract = Contract(project=params.project, threshold=params.evaluate.threshold, data=params.data)
    built = {MODEL: content, CONTRACT: contract.model_dump_json().encode()}
    try:
        return built | compiled(model.loads(content))
    except (ValueError, RuntimeError) as error:
        return built | uncompiled(str(error))


def _champion(ours: Served, content: bytes, test: pd.DataFrame, params: Params) -> ScoredChampion | None:
    """The champion with its scores of the test rows, or with the reason why it has none."""
    found = baseline.find(params.project)
    if found is None:
        return None
    known = ScoredChampion(found.version, params=found.params, data=found.data, digest=found.digest)
    if found.model is None:
        return replace(known, why=found.why)
    twin = found.model == content  # then there is nothing to compile
    rival = ours if twin else served(compile_anew(found.model, params), params.data)
    try:
        score = rival.score(test)
    except (KeyError, ValueError) as error:
        gone = sorted({*model.loads(found.model).feature_names_in_} - {*params.data.columns})
        why = ", ".join(gone) or " ".join(str(error).split())  # scikit-learn names them in another order each time
        return replace(known, why=f"it needs other columns ({why})")
    same = twin and champion.threshold(found.params, params) == params.evaluate.threshold
    return replace(known, served=rival, score=score, same=same)


def _rank(verdict: Verdict) -> int:
    return 0 if verdict.passed else 1 if verdict.severity == "warning" else 2


if __name__ == "__main__":
    cli.run(main)
