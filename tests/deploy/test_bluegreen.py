"""Deployments on this machine with a faulty serving image, a faulty next image, or a faulty environment.

HAProxy and the servers are real; processes replace containers, whose faults tests/container covers.
"""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from ml.deployment.bluegreen import BlueGreen
from ml.deployment.proxy import Proxy, run_here
from ml.deployment.rollout import roll_out
from ml.io.errors import UserError
from ml.settings.deploy import Deploy
from tests.deploy.load import Load
from tests.deploy.processes import Processes, server
from tests.serving.conftest import free_port
from tests.serving.server import built, rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed: apt-get install haproxy"),
]
RULE = Deploy(steps=(0.3, 1.0), seconds=2, ready_seconds=20, min_requests=20, latency_floor_ms=500)
AT_ONCE = RULE.model_copy(update={"steps": ()})


class Town:
    """An environment in which `old` serves; `new` has the same model."""

    def __init__(self, folder, model, sent):
        self.folder, self.model, self.sent, self.said = folder, model, sent, []
        self.places, self.port = Processes(), free_port()
        for name in ("old", "new"):
            self.have(name, model)
        (folder / "env").mkdir()
        self.target = self.opened("env")

    def have(self, name, model):
        """An image with this name and model, and with its own log."""
        (self.folder / f"logs-{name}").mkdir()
        self.places.images[name] = server(model, self.folder / f"logs-{name}")

    def opened(self, name):
        folder = self.folder / name
        return BlueGreen(folder, self.places, Proxy(folder, f"127.0.0.1:{self.port}", run_here))

    def deploy(self, image, rule=RULE):
        return roll_out(self.target, image, rule, self.said.append)

    def process(self):
        """The serving process."""
        return self.places.running[json.loads((self.folder / "env" / "live.json").read_text())["slot"]]

    def load(self):
        return Load(f"127.0.0.1:{self.port}", self.sent)

    def answers(self):
        """Whether clients get answers."""
        with self.load() as load:
            time.sleep(0.5)
        return load.answered > 0 and not load.failures


@pytest.fixture(scope="module")
def model(tmp_path_factory, customers, params):
    return built(tmp_path_factory.mktemp("model"), customers, params)


@pytest.fixture
def town(tmp_path, model, customers, params):
    town = Town(tmp_path, model, rows(customers, params.data, 10))
    try:
        town.deploy("old")
        yield town
    finally:
        town.places.clear()
        for pid in (tmp_path / "env" / "run" / "haproxy.pid").read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def test_an_image_that_refuses_the_clients_requests_is_rolled_back(town, tmp_path):
    narrow = shutil.copytree(town.model, tmp_path / "narrow")
    contract = json.loads((narrow / "contract.json").read_text())
    contract["data"]["columns"]["plan"]["values"].remove(town.sent[0]["plan"])
    (narrow / "contract.json").write_text(json.dumps(contract))
    town.have("narrow", narrow)

    with town.load(), pytest.raises(UserError, match=r"failed or were refused"):
        town.deploy("narrow")

    assert town.target.image() == "old"
    assert town.answers()


def test_an_image_that_is_no_longer_ready_is_rolled_back_without_traffic(town, tmp_path):
    def spoil(_):
        shutil.rmtree(tmp_path / "logs-new", ignore_errors=True)

    with pytest.raises(UserError, match="not ready"):
        roll_out(town.target, "new", RULE, spoil)

    assert town.target.image() == "old"


def test_an_image_that_hangs_is_replaced_by_a_rollback_and_by_a_deployment(town):
    town.process().send_signal(signal.SIGSTOP)
    judged = town.deploy("new")
    town.process().send_signal(signal.SIGSTOP)
    back = town.deploy("old", AT_ONCE)

    assert "does not respond" in judged
    assert "served here before" in back
    assert town.target.image() == "old"
    assert town.answers()


def test_an_image_that_no_longer_starts_does_not_block_the_next_one(town):
    town.places.images["old"] = lambda _: subprocess.Popen(["false"])
    town.process().kill()
    town.process().wait()

    town.target.recover()
    town.deploy("new")

    assert town.target.image() == "new"
    assert town.answers()


def test_a_fault_around_the_new_image_is_reported_and_the_image_serves(town):
    def broken(_):
        raise UserError("the dashboard could not be pulled")

    town.places.around = broken
    with town.load() as load:
        judged = town.deploy("new")

    assert "within all limits. But" in judged
    assert "could not be pulled" in judged
    assert town.target.image() == "new"
    assert not load.failures


def test_an_environment_whose_folder_was_lost_is_not_overwritten(town):
    (town.folder / "elsewhere").mkdir()
    town.target = town.opened("elsewhere")

    with pytest.raises(UserError, match=r"haproxy does not start"):
        town.deploy("new")

    assert town.answers()
