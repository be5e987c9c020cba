import pytest

from ml.gates import absolute, refused
from ml.settings.gates import Gates

MEASURED = {
    "accuracy": {"value": 0.86, "low": 0.84, "high": 0.88},
    "log_loss": {"value": 0.3, "low": 0.28, "high": 0.33},
}


@pytest.mark.parametrize(
    ("limits", "passes"),
    [
        ({"accuracy": {"min": 0.86}}, True),
        ({"accuracy": {"min": 0.861}}, False),
        ({"accuracy": {"min": 0.85, "judge": "interval"}}, False),
        ({"accuracy": {"min": 0.84, "judge": "interval"}}, True),
        ({"accuracy": {"max": 0.87}}, True),
        ({"log_loss": {"max": 0.3}}, True),
        ({"log_loss": {"max": 0.29}}, False),
        ({"log_loss": {"max": 0.32, "judge": "interval"}}, False),
    ],
    ids=str,
)
def test_a_metric_is_compared_with_its_limit(limits, passes):
    verdicts = absolute(MEASURED, 1000, Gates.model_validate({"limits": limits}))

    assert [v.passed for v in verdicts] == [passes]
    assert bool(refused(verdicts)) is not passes


def test_each_limit_gets_a_verdict_of_its_own():
    gates = Gates.model_validate({"limits": {"accuracy": {"min": 0.8, "max": 0.85}}})

    verdicts = absolute(MEASURED, 1000, gates)

    assert [(v.limit, v.passed) for v in verdicts] == [("≥ 0.8", True), ("≤ 0.85", False)]


def test_the_reason_names_value_limit_interval_and_rows():
    (verdict,) = absolute(MEASURED, 1234, Gates.model_validate({"limits": {"accuracy": {"min": 0.9}}}))

    assert verdict.reason == "accuracy 0.860 is below the minimum 0.900 (interval 0.840–0.880, 1,234 rows)"


def test_without_limits_there_are_no_verdicts():
    assert absolute(MEASURED, 1000, Gates()) == []
