"""The processor time of each step of `make score`, and the arithmetic for a billion rows that follows from it."""

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml.engine import source
from ml.engine.job import Job
from ml.io import files, tables
from ml.io.markdown import table
from ml.model.many import AFTER
from ml.model.parts import CHAMPION
from ml.scoring import named_model
from ml.scoring.answered import ChunkAnswers
from ml.scoring.rows import check
from ml.settings.params import Params

READ, CHECK, ENCODE, TREES, ONNX = (
    "read Parquet",
    "check against the contract",
    "encode, column by column",
    "forest of 150 trees, blocks of rows (numba)",
    "the same forest, ONNX Runtime",
)
LINES, SCORES, WRITE = "lines of the prediction log", "table of scores", "write both"
CORES, SEND, BILLION = 32, 1.0, 10**9  # SEND: assumed microseconds to send a row to a worker and its answer back


class Stopwatch:
    """The processor seconds of each step."""

    def __init__(self) -> None:
        self.taken: dict[str, float] = defaultdict(float)

    def time(self, step: str, work: Callable[..., Any], *given: Any) -> Any:
        """The result of some work, whose time is added to that of the step."""
        started = time.process_time()
        found = work(*given)
        self.taken[step] += time.process_time() - started
        return found


def measured(params: Params, data: Path) -> dict[str, float]:
    """Microseconds of processor time per row of each step, with the model in `model`."""
    watch, rows = Stopwatch(), 0
    scorer, many = named_model.load("model"), named_model.load("model")
    many.predictor.expect(AFTER + 1)
    job = Job(Path("steps"), "0" * 16, "2026-01-01T00:00:00+00:00", {}, old=False)
    chunks = source.opened(str(data)).chunks(params.score.rows)
    while chunk := watch.time(READ, next, chunks, None):
        checked = watch.time(CHECK, check, chunk, params.data)
        x = watch.time(ENCODE, scorer.predictor._encode_table, checked.table)
        if not rows:
            many.predictor._estimate_table(x)
        watch.time(ONNX, scorer.predictor._estimate_table, x)
        answers = ChunkAnswers(scorer, checked, watch.time(TREES, many.predictor._estimate_table, x), job, 0)
        lines, scores = watch.time(LINES, answers.lines, CHAMPION), watch.time(SCORES, answers.table)
        watch.time(WRITE, files.write_bytes, lines, Path("steps.jsonl"))
        watch.time(WRITE, tables.write_table, scores, Path("steps.parquet"))
        rows += len(x)
    return {step: seconds / rows * 1e6 for step, seconds in watch.taken.items()}


def shown(steps: dict[str, float]) -> str:
    """The steps as a table, with their sums."""
    lines = [[step, f"{steps[step]:.1f}"] for step in (READ, CHECK, ENCODE, TREES, ONNX, LINES, SCORES, WRITE)]
    lines += [["all with numba", f"{_sum(steps, ONNX):.1f}"], ["all with ONNX Runtime", f"{_sum(steps, TREES):.1f}"]]
    return table(["step", "µs per row"], lines)


def billion(steps: dict[str, float]) -> str:
    """What a billion rows take, on one core and on many."""
    fast, slow = _sum(steps, ONNX), _sum(steps, TREES)
    here = steps[READ] + steps[WRITE]
    work, alone = fast - here, here + SEND
    sentences = [
        f"10⁹ rows at {fast:.1f} µs take {_hours(fast)} hours of one core ({slow:.1f} µs and {_hours(slow)} hours",
        f"without numba). The workers do everything except reading Parquet ({steps[READ]:.1f} µs) and writing",
        f"({steps[WRITE]:.1f} µs): {work:.1f} µs, so {CORES} cores need {work:.1f} / {CORES} = {work / CORES:.2f} µs",
        "per row. The single process that reads and writes is then the bottleneck: if sending a row and its answer",
        f"takes {SEND:g} µs (an assumption), it needs {alone:.1f} µs per row. So more than {work:.1f} / {alone:.1f},",
        f"about {work / alone:.0f} workers bring no gain, and a billion rows take {_hours(alone)} hours. To go faster,",
        "split the table by folder into several jobs.",
    ]
    return " ".join(sentences) + "\n"


def _sum(steps: dict[str, float], without: str) -> float:
    return sum(value for step, value in steps.items() if step != without)


def _hours(microseconds: float) -> str:
    return f"{microseconds * BILLION / 1e6 / 3600:.1f}"
