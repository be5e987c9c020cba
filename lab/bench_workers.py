"""The gain of a second worker of a Dask cluster: `python -m lab.bench_workers`, 9 minutes on two idle cores.

Each stage runs in this process, on one worker and on two workers of one core each, in turn. Results must be equal. The
table of seconds and ratios goes to docs/scale.md.
"""

import ml.stages  # noqa: F401, I001  (fixes thread counts before numpy loads)

import argparse
import contextlib
import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
from dask.distributed import LocalCluster

from lab.bench import ROOT
from lab.marks import fill
from ml.io.text import counted
from ml.data import schema
from ml.engine import spread
from ml.io import files
from ml.io.markdown import table
from ml.model import model, model_file, search
from ml.model.compiled import compiled
from ml.model.search import FoldTask
from ml.model.shipped import contract_of
from ml.settings.params import Params, read_params
from ml.stages import prepare, score, validate
from tests.world.sample import customers, history

PAGE = ROOT / "docs" / "scale.md"
ENGINE = ("name: local # or dask", "name: dask # or local")
TREES = (40, 80)  # of two trials of tuning
AIM = 1.6  # of two workers to one
Result = Callable[[], Any]  # what a stage made, to be compared after its time is taken


def build(rows: int) -> None:
    """A labelled table, and a model that scores it, in the current folder."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert ENGINE[0] in text
    for engine, content in (("local", text), ("dask", text.replace(*ENGINE))):
        Path(f"{engine}.yaml").write_text(content, encoding="utf-8")
    shutil.copy("local.yaml", "params.yaml")
    params, frame = read_params(), history()
    fitted = model.fit(schema.conform(frame, params.data), params.data, params.train)
    built = {"model.skops": model_file.dumps(fitted), "contract.json": contract_of(params, frame)} | compiled(fitted)
    for name, content in built.items():
        files.write_bytes(content, Path("model") / name)
    each = rows // 24
    parts = [customers(month, each, seed) for seed in (1, 2) for month in range(1, 13)]
    parts = [part.assign(customer_id=f"{n}-" + part["customer_id"]) for n, part in enumerate(parts)]
    Path("data").mkdir()
    pd.concat(parts, ignore_index=True).to_parquet(params.data.file)


def validated(_: Params) -> Result:
    """What validate writes."""
    validate.main()
    return lambda: digest(files.VALIDATION)


def prepared(_: Params) -> Result:
    """What prepare writes."""
    prepare.main()
    return lambda: [digest(path) for path in (files.TRAIN, files.TEST, files.PROFILE)]


def scored(params: Params) -> Result:
    """The scores; each job has a name of its own."""
    folder = tempfile.mkdtemp(dir=".")
    os.environ["PREDICTION_LOG"] = f"{folder}/logs"
    score.main(data=str(params.data.file), out=f"{folder}/scores", model="model")

    def found() -> str:
        scores = digest(*sorted(Path(folder).glob("scores/part-*")), columns=["id", "score", "label"])
        shutil.rmtree(folder)
        return scores

    return found


def tuned(params: Params) -> Result:
    """The metric of each fold of two trials."""
    rows = search.folded(schema.conform(history(), params.data), params)
    found = []
    with spread.team(params.engine, os.environ.get("DASK_SCHEDULER", "")) as team:
        for trees in TREES:
            forest = params.train.random_forest.model_copy(update={"n_estimators": trees})
            train = params.train.model_copy(update={"random_forest": forest})
            tasks = [FoldTask(train, fold) for fold in range(len(rows.folds))]
            found += [value for _, value in team.each(search.held_out, tasks, rows)]
    return lambda: found


STAGES = {"validate": validated, "prepare": prepared, "score": scored, "tune (two trials)": tuned}


def digest(*paths: Path, columns: list[str] | None = None) -> str:
    """The same for files with the same bytes, or for tables with the same values of some columns."""
    if columns is None:
        return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    frame = pd.concat([pd.read_parquet(path, columns=columns) for path in paths])
    return sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()


def measured(stage: Callable[[Params], Result], scheduler: str) -> tuple[float, Any]:
    """Seconds of a stage, and its result; in this process if no scheduler is named."""
    shutil.copy("dask.yaml" if scheduler else "local.yaml", "params.yaml")
    os.environ["DASK_SCHEDULER"] = scheduler
    with contextlib.redirect_stderr(io.StringIO()):
        started = time.perf_counter()
        found = stage(read_params())
        seconds = time.perf_counter() - started
    return seconds, found()


def rounds(schedulers: list[str], count: int) -> dict[str, list[list[float]]]:
    """The seconds of each stage in each round, in the order of the schedulers."""
    taken: dict[str, list[list[float]]] = {name: [] for name in STAGES}
    for _ in range(count):
        for name, stage in STAGES.items():
            seconds, results = zip(*(measured(stage, scheduler) for scheduler in schedulers), strict=True)
            assert all(result == results[0] for result in results), f"{name} depends on who works"
            taken[name].append([*seconds])
    return taken


def lines(taken: dict[str, list[list[float]]]) -> list[list[str]]:
    """A line for each stage: the median seconds, and medians of the ratios within a round."""
    found = []
    for name, seconds in taken.items():
        local, one, two = (statistics.median(column) for column in zip(*seconds, strict=True))
        gain = statistics.median(row[1] / row[2] for row in seconds)
        beside = statistics.median(row[0] / row[2] for row in seconds)
        found.append([name, *(f"{value:.1f}" for value in (local, one, two)), f"{gain:.2f}", f"{beside:.2f}"])
    return found


def main() -> None:
    """Measure, print the table and write it into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_200_000, help="of the table (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="times each way is measured (default: %(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.ExitStack() as stack:
        clusters = [LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=":0") for n in (1, 2)]
        addresses = [stack.enter_context(cluster).scheduler_address for cluster in clusters]
        build(min(24_000, given.rows))
        rounds(["", *addresses], 1)  # imports
        shutil.rmtree("data")
        build(given.rows)
        found = lines(rounds(["", *addresses], given.rounds))
    heads = ["stage", "this process, s", "one worker, s", "two workers, s", "two to one", "two to this process"]
    about = f"{counted(given.rows, 'row')}, medians of {given.rounds} rounds; the aim of two workers to one is {AIM}."
    text = f"{about}\n\n{table(heads, found)}"
    print(text)
    fill(PAGE, "workers", text)


if __name__ == "__main__":
    main()
