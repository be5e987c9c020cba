"""The record of a deployment that a person interrupts; the environment is simulated."""

import pytest

from ml.deployment import deployment_log, environments, images
from ml.deployment.deployment_log import Where
from ml.registry import registry
from ml.settings.deploy import Deploy
from ml.settings.params import read_params
from tests.unit.test_rollout import Scripted

STAGING = Where("staging")
IMAGE = "ghcr.io/acme/churn@sha256:" + "0" * 64


class Stopped(Scripted):
    """Ctrl-C is pressed when the next image starts, or after it replaced the serving one."""

    def __init__(self, late):
        super().__init__((0, 0), (100, 100))
        self._late = late

    def recover(self):
        pass

    def start(self, *_):
        if not self._late:
            raise KeyboardInterrupt

    def settle(self):
        self.served = IMAGE
        raise KeyboardInterrupt


@pytest.fixture
def stop(project, monkeypatch):
    """Deploy to an environment and interrupt it: the result (None: it ended), the serving image, the record."""

    def deploy(late):
        target, params = Stopped(late), read_params()
        monkeypatch.setattr(environments, "open_target", lambda *_: target)
        monkeypatch.setattr(environments, "smoked", lambda *_: "answers")
        monkeypatch.setattr(images, "pull", lambda _: None)
        monkeypatch.setattr(images, "inspect", lambda _: {"Config": {"Labels": None}})
        try:
            served = environments.deploy(params, STAGING, IMAGE, Deploy(steps=(1.0,), seconds=0.1))
        except KeyboardInterrupt:
            served = None
        [found] = deployment_log.fold(registry.open_registry(params.project).deployments())
        return served, target, found

    assert project.is_dir()
    return deploy


def test_a_deployment_stopped_before_the_change_is_recorded_as_interrupted(stop):
    served, target, found = stop(late=False)

    assert served is None
    assert (found.outcome, target.served, target.went_back) == ("interrupted", "old", True)


def test_a_deployment_stopped_after_the_change_is_recorded_as_deployed(stop):
    served, target, found = stop(late=True)

    assert served
    assert (found.outcome, found.reason) == ("deployed", "stopped by hand after it had taken over")
    assert (target.served, target.went_back) == (IMAGE, False)
