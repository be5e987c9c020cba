"""Evaluate the model on the test rows."""

from dataclasses import asdict

import pandas as pd

from ml.data.design import design_of
from ml.io import cli, files, sheets, tables
from ml.io.text import counted
from ml.model import compiled_parity, made_columns, model, model_file, reference
from ml.model.figures_record import IntervalsRecord, MetricsRecord
from ml.model.importance import importance
from ml.model.model_contract import CONTRACT, read_contract, settled
from ml.model.predictor import load
from ml.settings.yaml_reading import read
from ml.tasks import outputs
from ml.tasks.choose import task_of
from ml.tasks.live_labels import at_release
from ml.tasks.task import Task


class Settings(reference.ReferenceSettings):
    """The sections of params.yaml that this stage reads; a change of one reruns it."""


def main() -> None:
    """Score build/test.parquet and write metrics, plots, scores and the reference for monitoring."""
    params = settled(read(Settings), files.MODEL)
    fitted, task = model_file.loads(files.read_bytes(files.MODEL / "model.skops")), _task(params)
    frame = made_columns.checked(tables.read_table(files.TEST), params.data, model_file.source_of(fitted))
    output, truth = model.scores(fitted, frame, params.data), task.truth(frame[params.data.target.name])
    cli.say(f"evaluate: {counted(params.evaluate.bootstrap, 'bootstrap replicate')} of {counted(len(frame), 'row')}")
    served = compiled_parity.served(load(files.MODEL), frame, params.data)
    files.write_json(asdict(compiled_parity.compare(output, served, task)), files.PARITY)
    design = design_of(frame, params.data)
    scored = task.score(truth, output, design)
    found = scored.intervals(params.evaluate.bootstrap, params.evaluate.confidence)
    known = {name: m for name, m in found.items() if m["value"] is not None}
    if len(known) < len(found):
        missing = ", ".join(name for name in found if name not in known)
        cli.say(f"evaluate: the test side has {task.counts(truth)}, so these metrics are unknown: {missing}")
    metrics = {name: m["value"] for name, m in known.items() if m["value"] is not None}
    MetricsRecord(rows=len(frame), metrics=metrics).write(files.METRICS)
    IntervalsRecord.model_validate({"intervals": found}).write(files.INTERVALS)
    scores = {"id": frame[params.data.id], "label": truth, **outputs.columns(task, output)}
    tables.write_table(pd.DataFrame(scores), files.SCORES)
    live = at_release(task, truth, output, params.evaluate, design, found)
    times = frame[params.data.time] if params.data.time else None
    released = made_columns.build(
        model_file.source_of(fitted), tables.StoredTable(files.TRAIN), output, live, params, times
    )
    if promise := task.promise(truth):
        released = released.model_copy(update={"interval": reference.Promise(**promise)})
    files.write_text(reference.dumps(released), files.REFERENCE)
    for name, points in scored.curves(params.evaluate.confidence).items():
        sheets.write_rows(points, files.PLOTS / f"{name}.csv")
    ranked = importance(fitted, frame, params.data) if task.metric in known else []
    sheets.write_rows(ranked, files.PLOTS / "importance.csv")


def _task(params: Settings) -> Task:
    """The task, with the model's interval if it has one."""
    task = task_of(params.data, params.evaluate)
    if not task.intervals:
        return task
    contract = read_contract({CONTRACT: files.read_bytes(files.MODEL / CONTRACT)})
    return task.with_interval(contract.half_width, params.evaluate.coverage)


if __name__ == "__main__":
    cli.run(main)
