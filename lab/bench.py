"""The cost of the pipeline: `make bench`.

Each figure is a ratio of two measurements in one run, because machines are noisy. python -m lab.bench [--rows
10000,100000,1000000]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
STAGES = ("validate", "prepare", "train", "evaluate", "track")
IN_ONE = f"import importlib; [importlib.import_module('ml.stages.' + stage).main() for stage in {STAGES!r}]"


def measure(command, folder):
    """Seconds and peak resident MiB of a command and its children."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"bench: {' '.join(command)} failed:\n{error}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def processes(repeats):
    """Full and no-op `dvc repro` against the same stages in one process, alternating; medians."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", f"file://{ROOT}", str(clone)], check=True)
        measure(["dvc", "repro", "--pull", "--quiet"], clone)
        full, noop, one = [], [], []
        for _ in range(repeats):
            full.append(measure(["dvc", "repro", "--force", "--quiet"], clone)[0])
            noop.append(measure(["dvc", "repro", "--quiet"], clone)[0])
            shutil.rmtree(clone / ".mlflow", ignore_errors=True)
            one.append(measure([sys.executable, "-c", IN_ONE], clone)[0])
    full, noop, one = map(statistics.median, (full, noop, one))
    print("\n| | seconds | of one process |\n|---|---|---|")
    print(f"| the stages in one process | {one:.1f} | 1.00 |")
    print(f"| `dvc repro --force` | {full:.1f} | {full / one:.2f} (aim: at most 1.60) |")
    print(f"| `dvc repro`, nothing to do | {noop:.1f} | {noop / one:.2f} (aim: at most 2 s) |", flush=True)


def growth(sizes):
    """Time and peak memory of the stages as the table grows."""
    print("\n| rows | stage | seconds | × the size before | peak MiB | × the size before |\n|---|---|---|---|---|---|")
    before = {}
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(ROOT / "params.yaml", folder)
            world = [
                sys.executable,
                "-m",
                "tests.world.sample",
                "--rows",
                str(rows // 12),
                "--out",
                "data/customers.parquet",
            ]
            measure(world, folder)
            for stage in STAGES[:-1]:
                found = measure([sys.executable, "-m", f"ml.stages.{stage}"], folder)
                times = [f"{now / then:.1f}" for now, then in zip(found, before.get(stage, ()), strict=False)] or [
                    "",
                    "",
                ]
                print(f"| {rows:,} | {stage} | {found[0]:.1f} | {times[0]} | {found[1]:.0f} | {times[1]} |", flush=True)
                before[stage] = found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="10000,100000,1000000", help="sizes to grow through (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="times each process is measured (default: %(default)s)")
    arguments = parser.parse_args()
    processes(arguments.repeats)
    growth([int(size) for size in arguments.rows.split(",")])


if __name__ == "__main__":
    main()
