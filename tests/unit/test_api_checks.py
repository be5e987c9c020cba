"""The checks of a running API: recorded predictions within a tolerance, and latency without busy moments."""

import pytest

from ml.deployment import api_checks
from ml.deployment.answers_record import AnswersRecord
from ml.io import cores
from ml.io.errors import UserError
from ml.settings.gates import Api


class Server:
    """Gives the predictions of a server with this model."""

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
def test_predictions_equal_the_recorded_ones_within_the_tolerance_of_parity(recorded, answered, same):
    record = AnswersRecord(id="id", rows=[{"x": 1.0}] * len(recorded), scores=recorded)

    if same:
        assert "within" in api_checks.same(Server(answered), record, 1e-6)
    else:
        with pytest.raises(UserError, match="differ from the recorded answers"):
            api_checks.same(Server(answered), record, 1e-6)


@pytest.mark.parametrize(
    ("slow", "rounds", "passes"),
    [
        (lambda call: False, 1, True),
        (lambda call: call == 7, 2, True),  # a busy moment
        (lambda call: call % 20 == 7, 3, False),  # slow at times, in every round
        (lambda call: True, 1, False),
    ],
)
def test_a_busy_moment_does_not_fail_a_server(slow, rounds, passes, monkeypatch):
    calls, clock = [], [0.0]

    class Busy:
        def predict(self, rows):
            clock[0] += 0.5 if slow(len(calls)) else 0.001
            calls.append(rows)

    monkeypatch.setattr(cores.time, "perf_counter", lambda: clock[0])
    record, rule = AnswersRecord(id="id", rows=[{"x": 1.0}], scores=[0.5]), Api(calls=20)

    check = api_checks.tried("latency", lambda: api_checks.fast(Busy(), record, rule))

    assert (check.passed, len(calls)) == (passes, 20 * rounds)
    assert check.reason.startswith("p50 1.0 ms" if passes else "too slow: p50")
