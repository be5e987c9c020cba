"""The cost of several classes and of numbers relative to two classes: `python -m lab.bench_kinds`.

Forests of equal size score one row, over HTTP in this process and in the predictor alone, alternating; medians as
ratios.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from fastapi.testclient import TestClient

from ml.io.markdown import table
from ml.model import model
from ml.model import model_file
from ml.model.compiled import compiled
from ml.model.predictor import from_files
from ml.model.model_contract import CONTRACT, Contract
from ml.settings.data import Data
from ml.settings.train import Train
from ml.tasks.class_rows import ClassRows
from tests.serving.server import application

ROWS, COLUMNS = 4000, 14
TARGETS = {
    "binary": {"positive": "c1"},
    "multiclass": {"task": "multiclass", "classes": ["c0", "c1", "c2"]},
    "regression": {"task": "regression"},
}


def built(kind: str, folder: Path) -> tuple[Path, dict[str, float]]:
    """A model folder of this kind, and a row."""
    rng = np.random.default_rng(0)
    names = [f"x{n}" for n in range(COLUMNS)]
    data = Data.model_validate(
        {
            "file": "t.csv",
            "id": "id",
            "target": {"name": "y", **TARGETS[kind]},
            "columns": {name: {"type": "number"} for name in names},
        }
    )
    frame = pd.DataFrame(rng.normal(size=(ROWS, COLUMNS)), columns=names)
    value = frame["x0"] + frame["x1"] + rng.normal(size=ROWS)
    bins = 2 if kind == "binary" else 3
    words = "c" + pd.qcut(value, bins, labels=False).astype(str)
    frame = frame.assign(id=[f"r{n}" for n in range(ROWS)], y=value.map(str) if kind == "regression" else words)
    fitted = model.fit(frame, data, Train.model_validate({"random_forest": {"n_estimators": 150, "max_depth": 10}}))
    contract = Contract(project="p", threshold=0.5, data=data, half_width=1.0 if kind == "regression" else None)
    place = folder / kind / "model"
    place.mkdir(parents=True)
    written = compiled(fitted) | {
        "model.skops": model_file.dumps(fitted),
        CONTRACT: contract.model_dump_json().encode(),
    }
    for name, content in written.items():
        (place / name).write_bytes(content)
    return place, {"id": "r", **frame[names].iloc[0].to_dict()}


def answers(folder: Path, calls: int) -> list[list[str]]:
    """A line for each kind: seconds for a row over HTTP and in the predictor, as ratios of two classes."""
    asks: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {}
    for kind in TARGETS:
        place, row = built(kind, folder)
        predictor = from_files({path.name: path.read_bytes() for path in place.iterdir()})
        client = TestClient(application(place, folder / kind / "logs"))
        plain = {name: value for name, value in row.items() if name != "id"}
        body = {"rows": [row]}
        client.__enter__()
        asks[kind] = (
            lambda client=client, body=body: client.post("/predict", json=body).raise_for_status(),
            lambda predictor=predictor, plain=plain: predictor.scores([plain]),
        )
    took = {(kind, way): [] for kind in asks for way in (0, 1)}
    for _ in range(calls):
        for kind, ways in asks.items():
            for way, ask in enumerate(ways):
                start = time.perf_counter()
                ask()
                took[kind, way].append(time.perf_counter() - start)
    middle = {key: statistics.median(found) for key, found in took.items()}
    return [[kind, *(f"{middle[kind, way] / middle['binary', way]:.2f}" for way in (0, 1))] for kind in asks]


def metrics() -> float:
    """CPU seconds for 1,000 replicates of all metrics of 100,000 rows and 10 classes."""
    rng, rows = np.random.default_rng(0), 100_000
    output = rng.dirichlet(np.ones(10), rows)
    label = (rng.random(rows)[:, None] > output.cumsum(axis=1)).sum(axis=1).clip(0, 9)
    start = time.process_time()
    ClassRows(label, output, tuple("abcdefghij")).intervals(1000, 0.95)
    return time.process_time() - start


def main(calls: int) -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as folder:
        heads = ["one row of a forest", "over HTTP, of two classes", "in the predictor, of two classes"]
        print(table(heads, answers(Path(folder), calls)))
    print(f"all metrics, 1,000 replicates, 100,000 rows, 10 classes: {metrics():.0f} CPU seconds (aim: under 60)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    main(**vars(parser.parse_args()))
