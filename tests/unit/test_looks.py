"""The number of consecutive checks with the same verdict."""

import pytest

from ml.github.alerts import of_monitoring
from ml.monitoring.confirmation import Past, in_a_row
from ml.monitoring.monitor_record import MonitorRecord


def look(day, verdict, model="m", simulated=False):
    return {"until": f"2026-01-{day:02}T05:00:00", "verdict": verdict, "model": model, "simulated": simulated}


@pytest.mark.parametrize(
    ("verdict", "past", "count"),
    [
        ("stable", [look(9, "drift")], 0),
        ("drift", [], 1),
        ("drift", [look(8, "drift"), look(9, "degraded")], 3),
        ("degraded", [look(8, "degraded"), look(9, "drift")], 1),
        ("drift", [look(8, "drift"), look(9, "stable")], 1),
        ("drift", [look(10, "drift"), look(10, "drift")], 1),  # three looks at one day are one
        ("drift", [look(8, "drift"), look(9, "not enough data")], 2),
        ("drift", [look(9, "drift", model="other")], 1),
        ("drift", [look(9, "drift", simulated=True)], 1),
    ],
)
def test_consecutive_days_are_counted(verdict, past, count):
    assert in_a_row(verdict, "2026-01-10T05:00:00", Past("m", past, evident=False)) == count


@pytest.mark.parametrize("verdict", ["drift", "degraded"])
def test_an_alert_waits_until_the_verdict_is_confirmed(verdict):
    found = {"verdict": verdict, "reason": "why", "columns": []}
    waiting, sure = (MonitorRecord.model_validate(found | {"confirmed": confirmed}) for confirmed in (False, True))

    assert not of_monitoring(waiting, None)
    assert verdict in of_monitoring(sure, None)
