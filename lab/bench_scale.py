"""Processor time and peak memory of each command by the rows of the table: `python -m lab.bench_scale 100000 1000000`.

It needs an hour for a million rows, most of it for the forest. The table of docs/scale.md is replaced.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from lab.bench import ROOT
from lab.marks import fill
from ml.io.markdown import Markup, table
from ml.io.text import counted
from tests.world.sample import customers

PAGE = ROOT / "docs" / "scale.md"
CHUNK = 50_000  # rows that are generated at once
TABLE = "data/customers.parquet"
STAGES = ("validate", "prepare", "train", "evaluate", "gate", "report", "score", "label", "monitor")
ARGUMENTS = {"score": ["--data", TABLE, "--out", "scores", "--model", "build/model"], "label": ["--data", TABLE]}


def write(rows: int, path: Path) -> None:
    """Customers of a year with unique ids, one chunk in memory at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = None
    for number, first in enumerate(range(0, rows, CHUNK)):
        frame = customers(number % 12 + 1, min(CHUNK, rows - first), number)
        chunk = pa.Table.from_pandas(frame.assign(customer_id=f"{number}-" + frame["customer_id"]))
        writer = writer or parquet.ParquetWriter(path, chunk.schema)
        writer.write_table(chunk)
    if writer:
        writer.close()


def measured(stage: str, fork: Path) -> tuple[float, float]:
    """Processor seconds and peak MB of a stage and its children, in a clone."""
    environment = os.environ | {"PYTHONPATH": f"{fork / 'src'}{os.pathsep}{fork}"}
    command = [sys.executable, "-m", f"ml.stages.{stage}", *ARGUMENTS.get(stage, [])]
    process = subprocess.Popen(command, cwd=fork, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"bench_scale: {stage} failed; its message is above")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def columns(rows: int) -> Iterator[list[str]]:
    """The cells of a column for each stage; a stage runs when its cell is taken."""
    with tempfile.TemporaryDirectory() as folder:
        fork = Path(folder) / "fork"
        subprocess.run(["git", "clone", "--quiet", ROOT, fork], check=True)
        write(rows, fork / TABLE)
        for stage in STAGES:
            seconds, megabytes = measured(stage, fork)
            print(f"{stage}, {counted(rows, 'row')}: {megabytes:,.0f} MB, {seconds:,.0f} s", flush=True)
            yield [f"{megabytes:,.0f} MB", f"{seconds:,.0f} s"]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="+", help="of the tables")
    sizes = parser.parse_args().rows
    found = [[*columns(rows)] for rows in sizes]
    heads = ["command", *(f"{counted(rows, 'row')}{unit}" for rows in sizes for unit in ("", ": processor time"))]
    cells = [[cell for column in row for cell in column] for row in zip(*found, strict=True)]
    lines = [[Markup(f"`{stage}`"), *row] for stage, row in zip(STAGES, cells, strict=True)]
    fill(PAGE, "commands", table(heads, lines))


if __name__ == "__main__":
    main()
