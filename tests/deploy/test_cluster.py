"""The calls of kubectl and their order; a double replaces kubectl."""

import json
import shutil
import sys

import pytest

from ml.deployment.cluster import Cluster
from ml.deployment.rollout import roll_out
from ml.io.errors import UserError
from ml.settings.deploy import Deploy
from tests.conftest import ROOT

OLD, NEW = (f"registry.example/churn@sha256:{letter * 64}" for letter in "ab")
RULE = Deploy(steps=(0.25, 1.0), seconds=0.2)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed: make setup"),
]


class World:
    def __init__(self, path):
        self._path = path

    @property
    def deployments(self):
        return json.loads(self._path.read_text())["deployments"]

    @property
    def calls(self):
        return json.loads(self._path.read_text())["calls"]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """An empty cluster behind the double of kubectl."""
    monkeypatch.setenv("KUBECTL_REAL", shutil.which("kubectl"))
    monkeypatch.setenv("KUBECTL_STATE", str(tmp_path / "state.json"))
    double = tmp_path / "bin" / "kubectl"
    double.parent.mkdir()
    double.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT}/tests/deploy/kubectl.py" "$@"\n')
    double.chmod(0o755)
    monkeypatch.setenv("PATH", f"{double.parent}:/usr/bin:/bin")
    monkeypatch.chdir(ROOT)
    return World(tmp_path / "state.json")


def deploy(image, said=None):
    return roll_out(Cluster("churn", "staging"), image, RULE, (said if said is not None else []).append)


def test_the_first_deployment_applies_everything(world):
    deploy(OLD)

    assert world.deployments["api"]["image"] == OLD
    assert world.deployments["api-canary"] == {"image": OLD, "replicas": 0}


def test_a_good_image_replaces_the_serving_one_after_the_canary(world):
    deploy(OLD)

    deploy(NEW)

    assert world.deployments == {
        "api": {"image": NEW, "replicas": 3},
        "api-canary": {"image": NEW, "replicas": 0},
    }
    scaled = [call.rpartition("=")[2] for call in world.calls if call.startswith("scale")]
    assert scaled == ["0", "1", "1", "3", "0"]
    assert world.calls.index(f"set image deployment/api api={NEW} ship={NEW}") > world.calls.index(
        "scale deployment/api-canary --replicas=3"
    )


@pytest.mark.parametrize(("fault", "reason"), [("errors", "errors: "), ("not ready", "timed out")])
def test_a_bad_image_never_reaches_the_stable_pods(world, monkeypatch, fault, reason):
    deploy(OLD)
    monkeypatch.setenv("KUBECTL_FAULT", fault)

    with pytest.raises(UserError, match=reason):
        deploy(NEW)

    assert world.deployments["api"]["image"] == OLD
    assert world.deployments["api-canary"]["replicas"] == 0
    assert not [call for call in world.calls if call.startswith("set image deployment/api ")]


def test_leftovers_of_an_earlier_deployment_are_removed(world):
    deploy(OLD)
    Cluster("churn", "staging").weigh(0.5)
    assert world.deployments["api-canary"]["replicas"] == 3

    Cluster("churn", "staging").recover()

    assert world.deployments["api-canary"]["replicas"] == 0
