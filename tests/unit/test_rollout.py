"""The steps of a deployment, in an environment with scripted readings."""

from types import SimpleNamespace

import pytest

from ml.deployment import rollout
from ml.deployment.canary import Window
from ml.deployment.rollout import roll_out
from ml.io.errors import UserError
from ml.settings.deploy import Deploy

RULE = Deploy(steps=(1.0,), seconds=60)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """A clock that advances only while the rollout sleeps, so a busy machine loses no check and no test waits."""
    passed = [0.0]
    fake = SimpleNamespace(monotonic=lambda: passed[0], sleep=lambda seconds: passed.append(passed.pop() + seconds))
    monkeypatch.setattr(rollout, "time", fake)


class Scripted:
    """An environment whose images follow a script, check by check; its last line repeats."""

    def __init__(self, *looks):
        self._looks, self.served, self.went_back = list(looks), "old", False

    def image(self):
        return self.served

    def start(self, *_):
        pass

    def weigh(self, _):
        pass

    def read(self):
        served, canary = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return None if served is None else Window(served), Window(canary)

    def settle(self):
        self.served = "new"

    def abandon(self):
        self.went_back = True

    def words(self):
        return ""


def deploy(target):
    return roll_out(target, "new", RULE, lambda _: None)


def test_an_image_that_restarted_between_two_checks_is_rolled_back():
    target = Scripted((0, 0), (100, 100), (200, 90), (300, 190))

    with pytest.raises(UserError, match="was restarted"):
        deploy(target)

    assert target.went_back


def test_pods_of_the_serving_image_may_come_and_go():
    assert "190 requests, and 20 of the serving image" in deploy(Scripted((0, 0), (100, 100), (20, 190)))


def test_a_silent_serving_image_does_not_fail_the_next_one():
    assert "190 requests, and 100 of the serving image" in deploy(Scripted((0, 0), (100, 100), (None, 190)))


def test_an_image_that_does_not_respond_is_not_compared():
    assert "does not respond" in deploy(Scripted((None, 0)))
    assert "100 of the serving image" in deploy(Scripted((None, 0), (0, 0), (100, 100)))  # it was busy for a moment


def test_too_few_requests_are_reported_before_the_first_step_and_refused_by_setting():
    said, few, strict = [], Scripted((0, 0), (5, 5)), Scripted((0, 0), (5, 5))

    assert roll_out(few, "new", RULE, said.append).startswith("UNJUDGED")
    assert "fewer than 50 (deploy.min_requests)" in said[0]
    with pytest.raises(UserError, match=r"deploy\.unjudged is `refuse`"):
        roll_out(strict, "new", RULE.model_copy(update={"unjudged": "refuse"}), said.append)
    assert strict.went_back


def test_with_many_requests_there_is_no_warning():
    said = []

    roll_out(
        Scripted((0, 0), (90_000, 0), (90_000, 90_000)), "new", RULE.model_copy(update={"steps": (0.5,)}), said.append
    )

    assert not any("min_requests" in line for line in said)
