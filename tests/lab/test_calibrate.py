"""The drift rule on windows with known changes: a small part of `make calibrate`."""

from dataclasses import replace

import pytest

from lab import calibrate
from lab.calibration.pools import heavy_tails
from lab.calibration.rates import Cell, power, quiet
from lab.calibration.shifts import SHIFTS


@pytest.fixture(scope="module")
def pool(params):
    return heavy_tails(params)


@pytest.mark.slow
def test_quiet_windows_of_a_rough_table_are_not_flagged(pool):
    flagged, moved = quiet(pool, Cell(trained=2000, window=300, runs=60))

    assert flagged <= 0.05
    assert moved <= flagged


@pytest.mark.slow
def test_a_rule_without_a_correction_for_many_tests_gives_false_alarms(pool):
    loose = pool.params.monitor.model_copy(update={"alpha": 0.9, "effect": 0.0})

    flagged, _ = quiet(replace(pool, params=pool.params.model_copy(update={"monitor": loose})), Cell(2000, 300, 20))

    assert flagged > 0.3


@pytest.mark.slow
def test_shifted_windows_are_found(pool):
    found = power(pool, Cell(trained=2000, window=500, runs=15))

    assert [*found] == [*SHIFTS]
    assert min(found[shift] for shift in calibrate.KNOWN) >= calibrate.POWER


def test_a_missed_target_is_reported_with_its_numbers(params):
    rates = dict.fromkeys(SHIFTS, 1.0) | {"30 % missing": 0.9}
    kept = {
        ("quiet", "world", 500, 200, 100): (0.05, 0.0),
        ("power", "world", 500, 200, 100): rates | {"30 % missing": 0.95},
    }
    broken = {("quiet", "world", 500, 200, 100): (0.06, 0.0), ("power", "world", 500, 200, 100): rates}

    assert calibrate.promises(kept, params) == []
    assert calibrate.promises(broken, params) == [
        "world, 200 rows against 500: 6.0% of unchanged windows flagged, above alpha 0.05",
        "world, 200 rows against 500: 30 % missing found in 90.0% only",
    ]
