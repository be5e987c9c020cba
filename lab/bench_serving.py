"""The cost of serving relative to other servers: `make bench-serving`; `--quick` runs one short round.

The servers run on core 0, wrk on the last core, and the servers alternate within each case, so that a busy moment
affects all. A ratio compares two neighbours of one round; the table holds the median of the rounds. Needs wrk and
build/; exits 1 when a target is missed.
"""

import argparse
import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.bench_servers import BUILT, ECHO, MLFLOW, ON, memory, peer, running, scripts, servers, serving_python, weight
from ml.io import markdown

ROUNDS, SECONDS = 3, 4
ONE, MANY, ROWS = "1 row, 1 conn.", "1 row, 32 conn.", "100 rows, 8 conn."
CASES = {ONE: (1, 1), MANY: (1, 32), ROWS: (100, 8)}  # rows of a request, connections
MILLISECONDS = {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="one round of one second each, as a quick check")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers end with this process
    lacking = [program for program in ("wrk", "taskset") if not shutil.which(program)]
    if lacking or os.cpu_count() == 1:
        sys.exit(f"bench-serving lacks {', '.join(lacking) or 'a second core'}: apt-get install wrk util-linux")
    if not (BUILT / "contract.json").exists():
        sys.exit("bench-serving: build/model is missing. Build it with `make run`.")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        python = serving_python(place)
        size, unwanted = weight(python)
        known, asking = servers(place, python), scripts(place, {rows for rows, _ in CASES.values()})
        rounds = []
        for number in range(1 if asked.quick else ROUNDS):
            print(f"bench-serving: round {number + 1}", file=sys.stderr)
            rounds.append(one_round(known, asking, 1 if asked.quick else SECONDS))
    print(table(rounds))
    print(f"Serving environment: {size:.0f} MiB; {', '.join(unwanted) or 'no mlflow, pandas or scikit-learn'} in it.\n")
    return verdict(
        [*targets(rounds), ("serving environment, MiB", size, "≤", 160), ("… unwanted packages", len(unwanted), "≤", 0)]
    )


def one_round(known, asking, seconds):
    """The results of each server: rate and p99 (ms) by case, seconds until ready, MiB after the load."""
    with contextlib.ExitStack() as stack:
        alive = {name: stack.enter_context(running(s, asking[s.path, 1])) for name, s in known.items()}
        found = {name: {"ready": server.ready} for name, server in alive.items()}
        for server in alive.values():
            ask(server, asking[server.path, 1], 8, 1)  # warm
        for case, (rows, connections) in CASES.items():
            for name, server in alive.items():
                found[name][case] = ask(server, asking[server.path, rows], connections, seconds)
        for name, server in alive.items():
            found[name]["memory"] = memory(server.pid)
        return found


def ask(server, script, connections, seconds):
    """Requests a second and p99 in ms."""
    load = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency", "-s", str(script)]
    command = ["taskset", "-c", str(os.cpu_count() - 1), *load, f"http://127.0.0.1:{server.port}{server.path}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"bench-serving: {server.path} refused or dropped requests:\n{text}")
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", text).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), float(number) * MILLISECONDS[unit]


def ratio(rounds, name, other, case, figure=0):
    """The median of a server's rate (or p99: figure 1) over another's of the same round."""
    none = float("nan")  # no response on a busy machine
    return statistics.median(found[name][case][figure] / (found[other][case][figure] or none) for found in rounds)


def middle(rounds, name, figure):
    return statistics.median(found[name][figure] for found in rounds)


def table(rounds):
    """One line for each server; every figure except for the seconds is a ratio to MLflow's server of the same model."""
    header = [
        "server",
        *(f"{case}: × mlflow, × echo" for case in CASES),
        "p99 at 32, × echo",
        "ready, s",
        "memory, × mlflow",
    ]
    lines = []
    for name in rounds[0]:
        mlflow = peer(name)
        rates = [f"{ratio(rounds, name, mlflow, case):.1f}, {ratio(rounds, name, ECHO, case):.2f}" for case in CASES]
        held = statistics.median(found[name]["memory"] / found[mlflow]["memory"] for found in rounds)
        tail = ratio(rounds, name, ECHO, MANY, 1)
        lines.append([name, *rates, f"{tail:.1f}", f"{middle(rounds, name, 'ready'):.1f}", f"{held:.2f}"])
    return markdown.table(header, lines)


def targets(rounds):
    """The targets of this server with its log on: name, value, and the lowest or highest permitted value."""
    return [
        *(
            (f"{case}, × mlflow{_possible(rounds, case)}", ratio(rounds, ON, MLFLOW, case), "≥", 80)
            for case in (ONE, MANY)
        ),
        *((f"{case}, × echo", ratio(rounds, ON, ECHO, case), "≥", 0.8) for case in (ONE, MANY)),
        (f"{ROWS}, × mlflow", ratio(rounds, ON, MLFLOW, ROWS), "≥", 8),
        ("p99 at 32 connections, × echo", ratio(rounds, ON, ECHO, MANY, 1), "≤", 2),
        ("ready, s", middle(rounds, ON, "ready"), "≤", 2),
    ]


def _possible(rounds, case):
    """The result of the echo server: if it misses the target, the machine is too busy to judge."""
    return f" (echo: {ratio(rounds, ECHO, MLFLOW, case):.0f})"


def verdict(judged):
    """Print met or missed for each target; 1 when one is missed."""
    missed = []
    for name, value, sign, limit in judged:
        met = value >= limit if sign == "≥" else value <= limit
        line = f"{name}: {value:.2f}, target {sign} {limit}"
        print(f"{'met   ' if met else 'MISSED'} {line}")
        missed += [] if met else [line]
    print(f"\n{len(missed)} of {len(judged)} targets missed" + "".join(f"\n  {line}" for line in missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
