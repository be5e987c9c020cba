"""A runner that is lost during training, and the following run."""

import contextlib
import time
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from tests.workflows.runner import kill
from tests.workflows.test_scenarios_ci import MODEL, instead, judged, results, told

pytestmark = [pytest.mark.slow, pytest.mark.template]


class Accident(Thread):
    """Kills a whole runner, like the loss of its machine, during a stage; `folder` is the job's working folder."""

    def __init__(self, stage, below):
        super().__init__()
        self._command, self._below, self._over = ["-m", f"ml.stages.{stage}"], below, Event()
        self.folder = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()

    def run(self):
        while not self.folder and not self._over.wait(0.05):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if process.cmdline()[1:] == self._command and Path(process.cwd()).is_relative_to(self._below):
                        self.folder = Path(process.cwd())
                        time.sleep(1)  # in the middle of its work
                        kill(next(parent for parent in process.parents() if parent.name() == "act"))


@pytest.fixture
def scenario(scenario):
    """Like in test_scenarios_ci.py."""
    return instead(scenario, "")


def tell(scenario, number, outcome, commit):
    about = {"head_sha": commit, "head_branch": "lower"}
    assert told(scenario, scenario.finished(number, "model.yml", outcome, **about)).jobs == {"comment": "success"}


def test_a_run_that_was_lost_while_it_trained_is_run_again(scenario):
    """The second run builds everything again, with identical bytes, and updates the one comment."""
    commit = scenario.commit({"params.yaml": "accuracy: { min: 0.85 } -> accuracy: { min: 0.84 }"}, "lower")
    number = scenario.open_pull_request("lower", commit)

    with Accident("train", scenario.store.parent) as accident:
        lost = judged(scenario, commit, COLD_PYTHON="1")

    assert accident.folder, "the run ended before it trained"
    assert "train: done" not in lost.said("pipeline")
    lost.jobs |= {"pipeline": "failure", "model": "failure"}  # as GitHub has it, where a lost runner fails its job
    tell(scenario, 7001, lost, commit)
    assert "❌ **model did not pass**" in scenario.comments(number)[0]

    outcome = judged(scenario, commit)

    tell(scenario, 7002, outcome, commit)
    [comment] = scenario.comments(number)
    assert outcome.jobs == results(MODEL)
    assert "train:" in outcome.said("pipeline")
    assert "✅ **model passed**" in comment
