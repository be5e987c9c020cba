"""The check of recorded answers compares probabilities by their difference, and numbers relative to their size."""

import pytest

from ml.deployment import api_checks
from ml.deployment.answers_record import AnswersRecord
from ml.io.errors import UserError


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
