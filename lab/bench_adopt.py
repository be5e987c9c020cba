"""The time and memory of `make adopt` on a large table: `python -m lab.bench_adopt`.

The table is a CSV file of 35 decimals, 8 counts, 5 categories, an id (left out with --no-id) and two classes. Nothing
is changed (DRY=1).
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from ml.io.text import counted

GIGABYTE = 1 << 20  # of the kilobytes in which Linux counts


def written(path: Path, rows: int, *, identified: bool) -> None:
    """A table of so many rows as a CSV file."""
    rng = np.random.default_rng(0)
    columns = {"id": np.arange(rows)} if identified else {}
    columns |= {f"x{n}": rng.normal(size=rows).round(3) for n in range(35)}
    columns |= {f"n{n}": rng.poisson(3, rows) for n in range(8)}
    columns |= {f"c{n}": rng.choice(["aa", "bb", "cc", "dd"], rows) for n in range(5)}
    columns["y"] = np.where(columns["x0"] + rng.normal(size=rows) > 0, "yes", "no")
    csv.write_csv(pa.table(columns), path)


def main(rows: int, *, identified: bool) -> None:
    """Print seconds and the peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.csv"
        written(path, rows, identified=identified)
        start = time.perf_counter()
        command = [sys.executable, "-m", "ml.stages.adopt", "--data", str(path), "--target", "y", "--dry"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"adopt: {counted(rows, 'row')}, {'with' if identified else 'without'} an id: "
        f"{time.perf_counter() - start:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of CPU, "
        f"{used.ru_maxrss / GIGABYTE:.2f} GB at most"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--no-id", action="store_true")
    args = parser.parse_args()
    main(args.rows, identified=not args.no_id)
