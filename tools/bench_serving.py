"""What serving costs beside its peers, as ratios: `make bench-serving`. Needs wrk and build/model.

Every server answers on core 0 and wrk asks from the last core; medians of three rounds, servers interleaved.
"""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ECHO = "FastAPI + pydantic echo"
LATEST = 60  # seconds to be ready
ROUNDS, SECONDS = 3, int(os.environ.get("BENCH_SECONDS", "3"))
CASES = {"1 row, 1 conn.": (1, 1), "1 row, 32 conn.": (1, 32), "100 rows, 8 conn.": (100, 8)}
PEERS = """
import sys
sys.path[:0] = ["src", "."]
from typing import Any
import uvicorn
from fastapi import FastAPI
from ml.params import read_params
from serving.contract import body
data = read_params().data
Body = body(data, 1000, "refuse").predict
app = FastAPI()
if sys.argv[1] == "echo":
    @app.post("/predict")
    async def predict(given: Body) -> Body:
        return given
else:
    import pandas as pd
    from pathlib import Path
    from ml import model, schema
    fitted = model.loads(Path("build/model/model.skops").read_bytes())
    @app.post("/predict")
    def predict(given: Body) -> dict[str, Any]:
        frame = schema.inputs(pd.DataFrame(given["rows"]).reindex(columns=list(data.columns)), data)
        return {"scores": fitted.predict_proba(frame)[:, 1].tolist()}
uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
"""


def main() -> int:
    """Print one table of ratios to `mlflow models serve` and to the echo."""
    if not shutil.which("wrk") or not shutil.which("taskset"):
        print("bench-serving: skipped, it needs wrk and taskset: apt-get install wrk util-linux")
        return 0
    if not Path("build/model/contract.json").exists():
        print("bench-serving: build/model is missing. Build it with `make run`.")
        return 1
    with tempfile.TemporaryDirectory() as place:
        found = measured(Path(place))
    show(found)
    return 0


def measured(place: Path) -> dict:
    """Requests a second and p99 (ms) by server and case, a list of rounds each; and the seconds to be ready."""
    scripts = {rows: script(place, rows) for rows in (1, 100)}
    found: dict = {}
    for _ in range(ROUNDS):
        for name, (template, variables, path) in servers(place).items():
            port = free_port()
            command = [part.replace("PORT", str(port)) for part in template]
            environment = {k: v.replace("PORT", str(port)) for k, v in variables.items()}
            started = time.perf_counter()
            process = subprocess.Popen(
                ["taskset", "-c", "0", *command],
                env={**os.environ, **environment},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                ready = wait(port, path, scripts[1], started)
                found.setdefault((name, "ready"), []).append((ready, 0.0))
                for case, (rows, connections) in CASES.items():
                    lua = scripts[rows][1 if path == "/invocations" else 0]
                    found.setdefault((name, case), []).append(ask(port, path, lua, connections))
            finally:
                process.terminate()
                process.wait()
    return found


def servers(place: Path) -> dict:
    """Command, environment and path of each server."""
    ours = {"SERVING_PORT": "PORT", "SERVING_LOG_DIRECTORY": str(place / "logs")}
    peer = str(place / "peer.py")
    Path(peer).write_text(PEERS)
    mlflow_model = place / "mlflow"
    if not mlflow_model.exists():
        save_for_mlflow(mlflow_model)
    mlflow = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        str(mlflow_model),
        "--env-manager",
        "local",
        "-p",
        "PORT",
    ]
    return {
        "mlflow models serve": (mlflow, {"MLFLOW_DISABLE_TELEMETRY": "true"}, "/invocations"),
        "tutorial FastAPI": ([sys.executable, peer, "tutorial", "PORT"], {}, "/predict"),
        ECHO: ([sys.executable, peer, "echo", "PORT"], {}, "/predict"),
        "ours, log on": ([sys.executable, "-m", "serving"], ours, "/predict"),
    }


def save_for_mlflow(folder: Path) -> None:
    """The same model as `mlflow models serve` takes it."""
    import mlflow  # noqa: PLC0415

    from ml import model  # noqa: PLC0415

    fitted = model.loads(Path("build/model/model.skops").read_bytes())
    mlflow.sklearn.save_model(
        fitted, str(folder), pyfunc_predict_fn="predict_proba", serialization_format="skops",
        skops_trusted_types=sorted(model.TRUSTED), pip_requirements=["scikit-learn"],
    )  # fmt: skip


def script(place: Path, rows: int) -> tuple[Path, Path]:
    """Wrk scripts that send this many rows to us and to MLflow."""
    from ml.params import read_params  # noqa: PLC0415
    from serving.contract import example  # noqa: PLC0415

    data = read_params().data
    row = example(data)
    del row[data.id]
    made = []
    for kind, body in {"ours": {"rows": [row] * rows}, "mlflow": {"dataframe_records": [row] * rows}}.items():
        path = place / f"{kind}{rows}.lua"
        path.write_text(
            f'wrk.method="POST" wrk.headers["Content-Type"]="application/json" wrk.body=[==[{json.dumps(body)}]==]'
        )
        made.append(path)
    return made[0], made[1]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait(port: int, path: str, lua: tuple[Path, Path], started: float) -> float:
    """Seconds until the first good answer."""
    body = lua[1 if path == "/invocations" else 0].read_text().partition("[==[")[2].removesuffix("]==]").encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"})
    while time.perf_counter() - started < LATEST:
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310  (our own address)
                return time.perf_counter() - started
        except urllib.error.HTTPError as error:
            raise SystemExit(f"bench-serving: {path} answers {error.code}: {error.read()[:300]!r}") from None
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"bench-serving: nothing answers on port {port} after 60 s")


def ask(port: int, path: str, lua: Path, connections: int) -> tuple[float, float]:
    """Requests a second and p99 in ms."""
    core = str((os.cpu_count() or 1) - 1)
    command = [
        "taskset",
        "-c",
        core,
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{SECONDS}s",
        "--timeout",
        "20s",
        "--latency",
        "-s",
        str(lua),
    ]
    text = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True).stdout
    if "Non-2xx" in text:
        raise SystemExit(f"bench-serving: {path} refused requests:\n{text}")
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]), float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def show(found: dict) -> None:
    """The table."""
    middle = {k: tuple(statistics.median(column) for column in zip(*v, strict=True)) for k, v in found.items()}
    print("| server | " + " | ".join(f"{c}: × mlflow / × echo" for c in CASES) + " | p99 at 32, × echo | ready, s |")
    print("|---" * (len(CASES) + 3) + "|")
    for name in dict.fromkeys(server for server, _ in middle):
        cells = []
        for case in CASES:
            rate = middle[name, case][0]
            cells.append(f"{rate / middle['mlflow models serve', case][0]:.1f} / {rate / middle[ECHO, case][0]:.2f}")
        tail = middle[name, "1 row, 32 conn."][1] / middle[ECHO, "1 row, 32 conn."][1]
        print(f"| {name} | " + " | ".join(cells) + f" | {tail:.1f} | {middle[name, 'ready'][0]:.1f} |")


if __name__ == "__main__":
    sys.exit(main())
