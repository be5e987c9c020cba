"""Long tests start first on each worker, and no test is lost."""

import pytest

from tests.order import dealt

TESTS = [
    f"{folder}/{number}" for folder in ("container", "fork", "gates", "lab", "unit", "workflows") for number in range(6)
]


def folder(test):
    return test.split("/")[0]


@pytest.mark.parametrize("workers", [2, 3, 4, 50])
def test_no_test_is_lost(workers):
    assert sorted(dealt(TESTS, workers, folder)) == sorted(TESTS)


def test_each_half_begins_with_its_long_tests():
    found = [folder(test) for test in dealt(TESTS, 2, folder)]

    assert found[:12] == ["workflows"] * 6 + ["container"] * 6
    assert found[18:30] == ["fork"] * 6 + ["lab"] * 6


def test_tests_without_a_long_one_keep_their_order():
    assert dealt(TESTS, 2, lambda test: "") == TESTS


@pytest.mark.fast(1)
@pytest.mark.parametrize("place", range(3))
def test_cases_after_the_first_are_slow_where_a_test_says_so(request, place):
    assert bool(request.node.get_closest_marker("slow")) == (place > 0)
