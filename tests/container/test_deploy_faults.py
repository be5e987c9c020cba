"""Deployments of the real image onto this machine, with something going wrong; clients ask all the time."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from ml.client import Client
from tests.container import engine
from tests.container.engine import derive, podman
from tests.container.load import Load

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(engine.lacking()), reason=str(engine.lacking()))]
RULE = {
    "steps": [0.3, 1.0], "seconds": 2.5, "ready_seconds": 10, "min_requests": 20, "max_latency": 10.0,
    "latency_floor_ms": 200, "ports": {"staging": 8001},
}  # fmt: skip
AT_ONCE, LATER = 0, 600  # smoke asks for fewer rows than that
FAULTS = {
    "never ready": ("never ready", AT_ONCE, "not ready after"),
    "answers wrongly": ("wrong", AT_ONCE, "smoke, recorded answers"),
    "slow": ("slow", AT_ONCE, "smoke, latency"),
    "answers wrongly later": ("wrong", LATER, "scores: the distributions are"),
    "slow later": ("slow", LATER, "latency: p95"),
    "fails later": ("errors", LATER, "errors:"),
    "dies later": ("dies", LATER, ""),
}


class Town:
    """An environment with a good image in it, and what tests do to it."""

    def __init__(self, folder, code, image):
        self.folder, self.good = folder, _digest(image)
        (folder / "src").symlink_to(code / "src")
        (folder / "serving").symlink_to(code / "serving")
        settings = yaml.safe_load((code / "params.yaml").read_text())
        settings["gates"]["api"] = {"calls": 30, "p99_ms": 300}
        settings["deploy"] = RULE
        (folder / "params.yaml").write_text(yaml.safe_dump(settings))
        recorded = json.loads((code / "build" / "image" / "recorded.json").read_text())
        self.rows, self.identity, self.table = recorded["rows"][:10], recorded["id"], []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"

    def start(self, name, *flags):
        """A stage as a process."""
        environment = os.environ | engine.environment() | {"PYTHONPATH": f"{self.folder / 'src'}:{self.folder}"}
        command = [sys.executable, "-m", f"ml.stages.{name}", *flags]
        return subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.PIPE, text=True)

    def deploy(self, image):
        return self.start("deploy", "--image", image, "--port", self.address.rpartition(":")[2])

    def load(self):
        return Load(self.address, self.rows)

    def serves(self):
        return json.loads((self.folder / ".deploy" / "local-staging" / "live.json").read_text())["image"]

    def record(self):
        lines = (self.folder / ".mlflow" / "deployments.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def note(self, fault, outcome, load):
        self.table.append(f"| {fault} | {outcome} | {load.answered:,} | {len(load.failures)} | {load.slowest:.1f} s |")

    def clear(self):
        pid = self.folder / ".deploy" / "local-staging" / "run" / "haproxy.pid"
        for line in pid.read_text().split() if pid.exists() else ():
            os.kill(int(line), signal.SIGKILL)
        podman("rm", "--force", "--volumes", "churn-staging-blue", "churn-staging-green", check=False)
        podman("volume", "rm", "--force", "churn-staging-logs", check=False)


def _digest(image):
    return f"sha256:{json.loads(podman('image', 'inspect', image).stdout)[0]['Id'].removeprefix('sha256:')}"


@pytest.fixture(scope="module")
def town(shop, image, tmp_path_factory):
    found = Town(tmp_path_factory.mktemp("town"), shop, image)
    first = found.deploy(found.good)
    said = first.communicate(timeout=60)[1]
    try:
        assert first.returncode == 0, said
        yield found
    finally:
        found.clear()
        print("\n| fault | outcome | requests | failed | slowest |\n|---|---|---|---|---|", *found.table, sep="\n")


@pytest.fixture(scope="module")
def faulty(image):
    """A function that makes an image with a fault: the good one, started through faulty.py."""
    code = (Path(__file__).parent / "faulty.py").read_text()

    def make(fault, after):
        name = f"localhost/fault-{fault.replace(' ', '-')}-{after}"
        lines = f'FROM {image}\nENV FAULT="{fault}" AFTER={after}\nCMD {json.dumps(["python", "-c", code])}\n'
        return _digest(derive(name, lines))

    return make


def cut(container):
    """Take a container off its network, without a word to anybody."""
    pid = podman("inspect", "--format", "{{.State.Pid}}", container).stdout.strip()
    subprocess.run(["nsenter", "--target", pid, "--net", "ip", "link", "set", "eth0", "down"], check=True)


def finished(process, seconds=90):
    said = process.communicate(timeout=seconds)[1]
    return process.returncode, said


def until(process, words):
    """Read what a process says up to a line with these words."""
    said = []
    for line in process.stderr:
        said.append(line)
        if words in line:
            return
    raise AssertionError(f"it never said {words}: {''.join(said)}")


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_image_goes_back_with_the_reason_and_no_client_notices(town, faulty, name):
    fault, after, reason = FAULTS[name]
    image, before = faulty(fault, after), town.serves()

    with town.load() as load:
        code, said = finished(town.deploy(image))

    last = town.record()[-1]
    town.note(name, f"went back: {last['reason'][:60]}…", load)
    assert code == 1, said
    assert last["action"] == "went back"
    assert reason in last["reason"]
    assert town.serves() == before
    assert load.answered > 30
    assert not load.failures


def test_a_cut_network_sends_the_image_back(town, faulty):
    image, before = faulty("none", AT_ONCE), town.serves()
    slot = {"blue": "green", "green": "blue"}[
        json.loads((town.folder / ".deploy" / "local-staging" / "live.json").read_text())["slot"]
    ]

    with town.load() as load:
        process = town.deploy(image)
        until(process, "30% of requests")
        cut(f"churn-staging-{slot}")
        code, said = finished(process)

    town.note("network cut in mid-deploy", f"went back: {town.record()[-1]['reason'][:60]}…", load)
    assert code == 1, said
    assert "gives no answer" in town.record()[-1]["reason"]
    assert town.serves() == before
    assert not load.failures


def test_a_deployment_that_is_killed_is_cleared_by_the_next_one(town, faulty):
    image = faulty("none", AT_ONCE)

    with town.load() as load:
        process = town.deploy(image)
        until(process, "30% of requests")
        process.send_signal(signal.SIGKILL)
        finished(process)
        time.sleep(1)
        code, said = finished(town.deploy(image))

    town.note("process killed in mid-deploy, run again", "deployed", load)
    assert code == 0, said
    assert [entry["action"] for entry in town.record()][-4:] == ["started", "interrupted", "started", "deployed"]
    assert town.serves() == image
    assert not load.failures


def test_rolling_back_brings_the_earlier_image_and_its_champion(town, faulty):
    other = faulty("none", AT_ONCE)
    if town.serves() != other:
        assert finished(town.deploy(other))[0] == 0

    with town.load() as load:
        code, said = finished(town.start("rollback", "--env", "staging", "--reason", "a test"))

    town.note("rollback", "the earlier image", load)
    assert code == 0, said
    assert town.serves() == town.good
    assert not load.failures


def test_a_good_image_takes_over(town, faulty):
    image = faulty("none", LATER)

    with town.load() as load:
        code, said = finished(town.deploy(image))

    town.note("none", "deployed", load)
    assert code == 0, said
    assert town.serves() == image
    assert not load.failures


def test_the_log_holds_every_answer_and_nothing_of_smoke(town):
    ids = [f"row-{n}" for n in range(5)]
    with Client(town.address) as client:
        client.predict([{**row, town.identity: name} for row, name in zip(town.rows, ids, strict=False)])

    slot = json.loads((town.folder / ".deploy" / "local-staging" / "live.json").read_text())["slot"]
    text = podman("exec", f"churn-staging-{slot}", "sh", "-c", "cat /app/logs/*.jsonl*").stdout
    assert all(text.count(f'"{name}"') == 1 for name in ids)
