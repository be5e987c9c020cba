"""Deployments of the real image to this machine with a fault, while clients send requests without a pause."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from random import randrange
from secrets import token_hex

import pytest
import yaml

from tests import engine
from tests.deploy.load import Load
from tests.engine import derive, podman

PARTS = {"haproxy": "haproxy", "nsenter": "util-linux", "ip": "iproute2"}
LACKING = engine.lacking() or "".join(f"apt-get install {PARTS[n]}; " for n in PARTS if not shutil.which(n))
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(LACKING), reason=str(LACKING))]
RULE = {
    "steps": [0.3, 1.0], "seconds": 4, "ready_seconds": 12, "min_requests": 20, "max_latency": 4.0,
    "latency_floor_ms": 500, "ports": {"staging": 8001}, "compose": [],
}  # fmt: skip
SUFFIX = {"local": "", "compose": "-compose"}
HAPROXY = "FROM localhost/base\nRUN apt-get update -qq && apt-get install -qq --yes haproxy\n"
AT_ONCE, LATER = 0, 300  # smoke asks for fewer rows than that
FAULTS = {
    "never ready": ("never ready", AT_ONCE, "not ready after"),
    "answers wrongly": ("wrong", AT_ONCE, "smoke, recorded answers"),
    "slow": ("slow", AT_ONCE, "smoke, latency"),
    "answers wrongly later": ("wrong", LATER, "scores: the distributions are"),
    "slow later": ("slow", LATER, "latency: p95"),
    "fails later": ("errors", LATER, "errors:"),
    "dies later": ("dies", LATER, "does not respond|was restarted"),
}


class Town:
    """An environment that serves a good image, and the actions of the tests on it."""

    def __init__(self, folder, code, image, target="local"):
        self.folder, self.good, self.target = folder, _digest(image), target
        project = f"town-{token_hex(3)}"  # others may use the same engine at the same time
        self.home, self.name = folder / ".deploy" / f"{target}-staging", f"{project}-staging{SUFFIX[target]}"
        self.acknowledged = 0
        (folder / "src").symlink_to(code / "src")
        (folder / "serving").symlink_to(code / "serving")
        self.settings = yaml.safe_load((code / "params.yaml").read_text()) | {"project": project}
        self.settings["gates"]["api"] = {"calls": 20, "p99_ms": 300}
        self.rule()
        recorded = json.loads((code / "build" / "image" / "recorded.json").read_text())
        self.rows, self.table = recorded["rows"][:10], []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"

    def rule(self, **changes):
        """Deploy by RULE with these changes."""
        (self.folder / "params.yaml").write_text(yaml.safe_dump(self.settings | {"deploy": RULE | changes}))

    def start(self, name, *flags):
        """A stage as a process."""
        environment = os.environ | engine.environment() | {"PYTHONPATH": f"{self.folder / 'src'}:{self.folder}"}
        if self.target == "compose":
            environment |= {"COMPOSE_COMMAND": f"podman-compose --podman-path {self.folder / 'podman'}"}
            environment |= {"PROXY_IMAGE": "localhost/haproxy"}
        command = [sys.executable, "-m", f"ml.stages.{name}", *flags]
        return subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.PIPE, text=True)

    def deploy(self, image):
        port = self.address.rpartition(":")[2]
        return self.start("deploy", "--target", self.target, "--image", image, "--port", port)

    def load(self):
        return Load(self.address, self.rows)

    def serves(self):
        return self.live()["image"]

    def live(self):
        return json.loads((self.home / "live.json").read_text())

    def record(self):
        lines = (self.folder / ".mlflow" / "deployments.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def note(self, fault, outcome, load):
        name = fault if self.target == "local" else f"{fault} ({self.target})"
        self.acknowledged += load.answered
        self.table.append(f"| {name} | {outcome} | {load.answered:,} | {len(load.failures)} | {load.slowest:.1f} s |")

    def went_back(self):
        return f"went back: {' '.join(self.record()[-1]['reason'].split()[:9])}…"

    def clear(self):
        pid = self.home / "run" / "haproxy.pid"
        for line in pid.read_text().split() if pid.exists() else ():
            os.kill(int(line), signal.SIGKILL)
        names = [f"{self.name}-{part}" for part in ("blue", "green", "proxy")]
        podman("rm", "--force", "--time=1", "--volumes", *names, check=False)
        podman("volume", "rm", "--force", f"{self.name}-logs", check=False)
        podman("network", "rm", "--force", f"{self.name}_api", check=False)
        print("\n| fault | outcome | requests | failed | slowest |\n|---|---|---|---|---|", *self.table, sep="\n")


def _digest(image):
    return f"sha256:{json.loads(podman('image', 'inspect', image).stdout)[0]['Id'].removeprefix('sha256:')}"


@pytest.fixture(scope="module")
def town(shop, image, tmp_path_factory):
    yield from opened(Town(tmp_path_factory.mktemp("town"), shop, image))


@pytest.fixture
def harbour(shop, image, tmp_path_factory):
    """The same environment as a compose project, with Debian's HAProxy instead of the official image."""
    if not shutil.which("podman-compose"):
        pytest.skip("podman-compose is not installed: make setup")
    derive("localhost/haproxy", HAPROXY)
    folder = tmp_path_factory.mktemp("harbour")
    program = folder / "podman"
    program.write_text(f'#!/bin/sh\nexec {engine.environment()["CONTAINER_ENGINE"]} "$@"\n')
    program.chmod(0o755)
    town = Town(folder, shop, image, "compose")
    town.home.mkdir(parents=True)
    (town.home / ".env").write_text(f"SUBNET=10.213.{randrange(256)}\n")  # others may have the usual one
    yield from opened(town)


def opened(town):
    """The environment with the good image; removed after the test."""
    try:
        code, said = finished(town.deploy(town.good))
        assert code == 0, said
        yield town
    finally:
        town.clear()


@pytest.fixture(scope="module")
def faulty(image):
    """A function that makes a faulty image: the good image, started through faulty.py."""
    code = (Path(__file__).parent / "faulty.py").read_text()

    def make(fault, after):
        name = f"localhost/fault-{fault.replace(' ', '-')}-{after}"
        lines = f'FROM {image}\nENV FAULT="{fault}" AFTER={after}\nCMD {json.dumps(["python", "-c", code])}\n'
        return _digest(derive(name, lines))

    return make


def cut(container):
    """Disconnect a container from its network without a message to any process."""
    pid = podman("inspect", "--format", "{{.State.Pid}}", container).stdout.strip()
    subprocess.run(["nsenter", "--target", pid, "--net", "ip", "link", "set", "eth0", "down"], check=True)


def finished(process, seconds=90):
    said = process.communicate(timeout=seconds)[1]
    return process.returncode, said


def until(process, words):
    """Read the output of a process until a line contains these words."""
    said = []
    for line in process.stderr:
        said.append(line)
        if words in line:
            return
    raise AssertionError(f"it never said {words}: {''.join(said)}")


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_image_is_rolled_back_with_the_reason_and_no_client_notices(town, faulty, name):
    fault, after, reason = FAULTS[name]
    image, before = faulty(fault, after), town.serves()
    town.rule(**{"ready_seconds": 3} if name == "never ready" else {})

    with town.load() as load:
        code, said = finished(town.deploy(image))

    last = town.record()[-1]
    town.note(name, town.went_back(), load)
    assert code == 1, said
    assert last["action"] == "went back"
    assert re.search(reason, last["reason"])
    assert town.serves() == before
    assert load.answered > 30
    assert not load.failures


def test_an_image_without_a_network_is_rolled_back(town, faulty):
    image, before = faulty("none", AT_ONCE), town.serves()
    slot = {"blue": "green", "green": "blue"}[town.live()["slot"]]

    with town.load() as load:
        process = town.deploy(image)
        until(process, "30% of requests")
        cut(f"{town.name}-{slot}")
        code, said = finished(process)

    town.note("network cut in mid-deploy", town.went_back(), load)
    assert code == 1, said
    assert "does not respond" in town.record()[-1]["reason"]
    assert town.serves() == before
    assert not load.failures


def test_the_next_deployment_cleans_up_after_a_killed_one(town, faulty):
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


def test_a_rollback_restores_the_earlier_image_and_its_champion(town, faulty):
    other = faulty("none", AT_ONCE)
    if town.serves() != other:
        assert finished(town.deploy(other))[0] == 0

    with town.load() as load:
        code, said = finished(town.start("rollback", "--env", "staging", "--reason", "a test"))

    town.note("rollback", "the earlier image", load)
    assert code == 0, said
    assert town.serves() == town.good
    assert not load.failures


def test_the_log_contains_every_answer_also_of_images_that_were_rolled_back(town):
    with town.load() as load:
        time.sleep(0.5)
    town.note("none", "no deployment", load)

    count = "cat /app/logs/*.jsonl* | grep -o '\"score\"' | wc -l"
    rows = podman("exec", f"{town.name}-{town.live()['slot']}", "sh", "-c", count).stdout
    assert int(rows) >= town.acknowledged * len(town.rows) > 0


def test_a_compose_project_deploys_good_images_and_rolls_back_bad_ones(harbour, faulty):
    good, bad = faulty("none", AT_ONCE), faulty("wrong", LATER)

    with harbour.load() as load:
        refused, said = finished(harbour.deploy(bad))
    harbour.note("answers wrongly later", harbour.went_back(), load)
    with harbour.load() as more:
        taken, told = finished(harbour.deploy(good))
        assert harbour.serves() == good, told
        back, _ = finished(harbour.start("rollback", "--env", "staging", "--target", "compose"))
    harbour.note("none, then rollback", "deployed, then the earlier image", more)

    assert (refused, taken, back) == (1, 0, 0), said + told
    assert harbour.serves() == harbour.good
    assert not load.failures + more.failures
    assert load.answered > 30
