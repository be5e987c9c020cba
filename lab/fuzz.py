"""Send thousands of drawn requests to our server, as its OpenAPI document describes them: `make -C lab fuzz`.

Exits 1 on any 5xx, any answer that takes longer than 2 s, and any answer that the document does not describe.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from math import ceil
from pathlib import Path

from ml.io import cli
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model.predictor import FORM

SLOWEST = 2.0  # seconds
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
READY = 60  # seconds


def main(model: str = "build/model", cases: int = 5000, seed: int = 0) -> int:
    """Start the server with a model, send at least so many requests, and print answers by status and the slowest."""
    if not (Path(model) / FORM).is_file():
        raise UserError(f"{model} holds no model to serve. Build one with `make run`, or name another with MODEL=.")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        serving = {"MODEL": model, "PORT": str(port), "HOST": "127.0.0.1", "LOG_DIRECTORY": str(place / "logs")}
        environment = os.environ | {f"SERVING_{name}": value for name, value in serving.items()}
        server = subprocess.Popen([sys.executable, "-m", "serving"], env=environment, stdout=subprocess.DEVNULL)
        try:
            _ready(port, server)
            code, answers = _sent(port, cases, seed, place)
        finally:
            server.terminate()
            server.wait(READY)
    slowest = max((seconds for _, seconds in answers), default=0.0)
    statuses = Counter(status for status, _ in answers)
    said = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    failed = sum(count for status, count in statuses.items() if status >= 500)
    print(f"fuzz: {counted(len(answers), 'request')}: {said}; {failed} × 5xx; slowest answer {slowest:.2f} s")
    return int(bool(code or failed or slowest > SLOWEST or len(answers) < cases))


def _ready(port: int, server: subprocess.Popen) -> None:
    address, end = f"http://127.0.0.1:{port}/health/ready", time.monotonic() + READY
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise UserError("the server did not start. `make serve` says why.")


def _sent(port: int, cases: int, seed: int, place: Path) -> tuple[int, list[tuple[int, float]]]:
    """The exit code of Schemathesis, and status and seconds of each answer."""
    document = f"http://127.0.0.1:{port}/openapi.json"
    with urllib.request.urlopen(document, timeout=30) as answer:
        operations = [one for path in json.load(answer)["paths"].values() for one in path.values()]
    count = sum("requestBody" in one for one in operations)  # the others have little to draw
    report = place / "events.ndjson"
    command = [Path(sys.executable).with_name("schemathesis"), "run", document, "--checks", CHECKS]
    command += ["--max-response-time", str(SLOWEST), "--max-examples", str(ceil(cases / count)), "--seed", str(seed)]
    command += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-color"]
    command += ["--suppress-health-check", "all", "--report", "ndjson", "--report-ndjson-path", report]
    code = subprocess.run(command, cwd=place, check=False).returncode  # it keeps a folder of its own
    return code, [*_answers(report)]


def _answers(report: Path):
    with report.open(encoding="utf-8") as lines:
        for line in lines:
            for one in (
                json.loads(line).get("ScenarioFinished", {}).get("recorder", {}).get("interactions", {}).values()
            ):
                if one.get("response"):
                    yield one["response"]["status_code"], one["response"]["elapsed"]


if __name__ == "__main__":
    cli.run(main)
