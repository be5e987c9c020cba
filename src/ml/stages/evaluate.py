"""Judge the model on the rows it has not seen."""

from dataclasses import asdict

import pandas as pd

from ml.data import schema
from ml.io import cli, files
from ml.model import model, parity, reference
from ml.model.importance import importance
from ml.model.predictor import load
from ml.settings.reading import read
from ml.tasks import calibration, metrics


class Settings(reference.Judged):
    """What this stage reads of params.yaml, and so what runs it again."""


def main() -> None:
    """Score build/test.parquet and write metrics, plots, scores and the reference that monitoring compares with."""
    params = read(Settings)
    frame = files.read_table(files.TEST)
    fitted = model.loads(files.read_bytes(files.MODEL / "model.skops"))
    score, label = model.scores(fitted, frame, params.data), schema.labels(frame, params.data).to_numpy()
    cli.say(f"evaluate: {params.evaluate.bootstrap:,} bootstrap replicates of {len(frame):,} rows")
    agreed = parity.compare(score, parity.served(load(files.MODEL), frame, params.data), params.evaluate.threshold)
    files.write_json(asdict(agreed), files.PARITY)
    rows = metrics.rank(label, score, params.evaluate.threshold)
    found = metrics.intervals(rows, params.evaluate)
    known = {name: m for name, m in found.items() if m["value"] is not None}
    if len(known) < len(found):
        missing = ", ".join(name for name in found if name not in known)
        cli.say(f"evaluate: the test side holds {metrics.classes(label)}, so these are not known: {missing}")
    files.write_json({"rows": len(frame), **{name: m["value"] for name, m in known.items()}}, files.METRICS)
    files.write_json(found, files.INTERVALS)
    files.write_table(pd.DataFrame({"id": frame[params.data.id], "label": label, "score": score}), files.SCORES)
    watched = dict(known)
    if len(set(label)) > 1:  # not a metric, and monitoring watches it
        watched |= calibration.measured(label, score, params.evaluate.confidence)
    released = reference.build(files.read_table(files.TRAIN), score, watched, params)
    files.write_text(reference.dumps(released), files.REFERENCE)
    for name, points in metrics.curves(rows).items():
        files.write_rows(points, files.PLOTS / f"{name}.csv")
    ranked = importance(fitted, frame, params.data) if len(known) == len(found) else []
    files.write_rows(ranked, files.PLOTS / "importance.csv")


if __name__ == "__main__":
    cli.run(main)
