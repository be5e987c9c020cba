"""The cost of `make score` relative to the bare model: `make bench`. All variants score the same rows, alternating.

python -m lab.bench_score [--rows 480000]

The tables of docs/scale.md are replaced.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import mlflow
import pandas as pd

import ml.stages  # noqa: F401  (fixes thread counts before numpy loads)
from lab import score_steps
from lab.bench import ROOT
from lab.marks import fill
from ml.data import schema
from ml.engine import source
from ml.io import files
from ml.io.markdown import Markup, table
from ml.model import model, model_file, predictor
from ml.model.compiled import compiled
from ml.model.many import AFTER
from ml.model.shipped import contract_of
from ml.registry import package
from ml.scoring.rows import check
from ml.settings.data import Number
from ml.settings.params import read_params
from ml.stages import score
from tests.world.sample import customers, history

TABLE, PAGE = Path("new.parquet"), ROOT / "docs" / "scale.md"


def prepare(params, rows):
    """A model, the same model in MLflow's format, and a table, in the current folder."""
    frame = schema.conform(history(), params.data)
    fitted = model.fit(frame, params.data, params.train)
    built = {"model.skops": model_file.dumps(fitted), "contract.json": contract_of(params, frame)} | compiled(fitted)
    for name, content in built.items():
        files.write_bytes(content, Path("model") / name)
    package.write(Path("mlflow"), Path("model"), frame.head(5), params.data, "")
    months = [customers(13, 12_000, seed) for seed in range(rows // 12_000)]
    pd.concat(months, ignore_index=True).to_parquet(TABLE)


def bare(params):
    """Processor seconds of the compiled model, as in the server, on rows in memory."""
    return scoring(params, lambda _: predictor.load(Path("model")))


def many(params):
    """The same for the code for many rows; ONNX Runtime without numba."""
    scorer = predictor.load(Path("model"))
    scorer.expect(AFTER + 1)
    return scoring(params, lambda _: scorer)


def scoring(params, scorer_for):
    taken = 0.0
    for chunk in source.opened(str(TABLE)).chunks(params.score.rows):
        table = check(chunk, params.data).table
        scorer = scorer_for(table)
        started = time.process_time()
        scorer.scores_of_table(table)
        taken += time.process_time() - started
    return taken


def ours(_):
    """Processor seconds of the stage without the start of its process."""
    with tempfile.TemporaryDirectory(dir=".") as folder, contextlib.redirect_stderr(io.StringIO()):
        os.environ["PREDICTION_LOG"] = f"{folder}/logs"
        started = time.process_time()
        score.main(data=str(TABLE), out=f"{folder}/scores", model="model")
        return time.process_time() - started


def plain(params):
    """Processor seconds of a script with mlflow.pyfunc and pandas that checks rows and writes scores and a log too."""
    started = time.process_time()
    scorer, data = mlflow.pyfunc.load_model("mlflow"), params.data
    frame = pd.read_parquet(TABLE)
    for name, column in data.columns.items():
        values = frame[name].dropna()
        sound = values.between(column.min, column.max) if isinstance(column, Number) else values.isin(column.values)
        assert sound.all()
    scores = scorer.predict(schema.inputs(frame, data))[:, 1]
    found = pd.DataFrame({"id": frame[data.id], "score": scores, "label": scores >= params.evaluate.threshold})
    found.to_parquet("plain.parquet")
    with Path("plain.jsonl").open("w") as log:
        for row in frame[[data.id, *data.columns]].assign(score=scores).to_dict("records"):
            log.write(json.dumps(row) + "\n")
    return time.process_time() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=480_000, help="how many are scored (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="times each way is measured (default: %(default)s)")
    arguments = parser.parse_args()
    params = read_params(ROOT / "params.yaml")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        files.write_bytes((ROOT / "params.yaml").read_bytes(), Path("params.yaml"))
        prepare(params, arguments.rows)
        taken = {way: [] for way in (bare, many, ours, plain)}
        for _ in range(arguments.repeats):
            for way, found in taken.items():
                found.append(way(params))
        steps = score_steps.measured(params, TABLE)
    rate = {way: arguments.rows / statistics.median(found) for way, found in taken.items()}
    ways = {
        "the compiled model, rows in memory": (bare, ""),
        "the same in blocks of rows (numba)": (many, ""),
        "`make score`": (ours, " (aim: at least 0.80)"),
        "mlflow.pyfunc, pandas and checks": (plain, ""),
    }
    lines = [
        [Markup(name), f"{rate[way]:,.0f}", f"{rate[way] / rate[bare]:.2f}{aim}"] for name, (way, aim) in ways.items()
    ]
    compared = table(["method", "rows per second of one core", "ratio to the compiled model"], lines)
    compared += f"\n`make score` was {rate[ours] / rate[plain]:.1f} times as fast as the script (aim: 3).\n"
    for name, text in (
        ("score", compared),
        ("steps", score_steps.shown(steps)),
        ("billion", score_steps.billion(steps)),
    ):
        print(f"\n{text}")
        fill(PAGE, name, text)


if __name__ == "__main__":
    main()
