"""The checks of a running API: recorded answers to the tolerance of the task, and the latency of the best round."""

import pytest

from ml.deployment import api_checks
from ml.deployment.answers_record import AnswersRecord
from ml.io.errors import UserError
from ml.settings.gates import Api


class Server:
    """Answers as a server of this model does."""

    def __init__(self, outputs):
        self.outputs = lambda _: outputs


@pytest.mark.parametrize(
    ("recorded", "answered", "same"),
    [
        ([0.25], [0.25 + 9e-7], True),
        ([0.25], [0.25 + 2e-6], False),
        ([126.446808], [126.446861], True),  # XGBoost adds in float32
        ([126.446808], [126.447], False),
        ([[0.1, 0.9]], [[0.1, 0.9 + 2e-6]], False),
        ([1e9, 0.5], [1e9 + 100, 0.5], True),
        ([0.5], [float("nan")], False),
    ],
)
def test_answers_are_the_recorded_ones_to_the_tolerance_of_parity(recorded, answered, same):
    record = AnswersRecord(id="id", rows=[{"x": 1.0}] * len(recorded), scores=recorded)

    if same:
        assert "within" in api_checks.same(Server(answered), record, 1e-6)
    else:
        with pytest.raises(UserError, match="differ from the recorded answers"):
            api_checks.same(Server(answered), record, 1e-6)


@pytest.mark.parametrize(("slow_rounds", "passes"), [(0, True), (2, True), (3, False)])
def test_a_busy_moment_makes_no_server_slow(slow_rounds, passes, monkeypatch):
    """Only a server that is slow in every round is refused."""
    calls, times = 20, iter(range(1000))
    clock = {"now": 0.0}

    class Busy:
        def predict(self, rows):
            clock["now"] += 0.5 if next(times) < slow_rounds * calls else 0.001

    monkeypatch.setattr(api_checks.time, "perf_counter", lambda: clock["now"])
    record, rule = AnswersRecord(id="id", rows=[{"x": 1.0}], scores=[0.5]), Api(calls=calls)

    if passes:
        assert "p50 1.0 ms" in api_checks.fast(Busy(), record, rule)
    else:
        with pytest.raises(UserError, match=r"too slow in 3 rounds of 20 calls, in the last: p50 500\.0 ms"):
            api_checks.fast(Busy(), record, rule)
