"""Send thousands of generated requests to the server, based on its OpenAPI document: `make -C lab fuzz`.

Exits 1 on any 5xx, any response slower than 2 s, and any response that the document does not describe.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from math import ceil
from pathlib import Path

from lab.server import running
from ml.io import cli
from ml.io.text import counted

SLOWEST = 2.0  # seconds
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def main(model: str = "build/model", cases: int = 5000, seed: int = 0) -> int:
    """Start the server with a model, send at least so many requests, and print answers by status and the slowest."""
    with tempfile.TemporaryDirectory() as folder, running(model, Path(folder), explain="true") as (port, _):
        code, answers = _sent(port, cases, seed, Path(folder))
    slowest = max((seconds for _, seconds in answers), default=0.0)
    statuses = Counter(status for status, _ in answers)
    said = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    failed = sum(count for status, count in statuses.items() if status >= 500)
    print(f"fuzz: {counted(len(answers), 'request')}: {said}; {failed} × 5xx; slowest answer {slowest:.2f} s")
    return int(bool(code or failed or slowest > SLOWEST or len(answers) < cases))


def _sent(port: int, cases: int, seed: int, place: Path) -> tuple[int, list[tuple[int, float]]]:
    """The exit code of Schemathesis, and status and seconds of each answer."""
    document = f"http://127.0.0.1:{port}/openapi.json"
    with urllib.request.urlopen(document, timeout=30) as answer:
        operations = [one for path in json.load(answer)["paths"].values() for one in path.values()]
    count = sum("requestBody" in one for one in operations)  # the other endpoints have few parameters
    report = place / "events.ndjson"
    command = [Path(sys.executable).with_name("schemathesis"), "run", document, "--checks", CHECKS]
    command += ["--max-response-time", str(SLOWEST), "--max-examples", str(ceil(cases / count)), "--seed", str(seed)]
    command += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-color"]
    command += ["--suppress-health-check", "all", "--report", "ndjson", "--report-ndjson-path", report]
    code = subprocess.run(command, cwd=place, check=False).returncode  # Schemathesis writes its own folder
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
