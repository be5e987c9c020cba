"""The judgement on a new image: it rolls back a worse image, and no other."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.calibration.canaries import QUIET, WORSE, sent_back
from ml.deployment.canary import Window, distance, judge, parse, quantile, told
from ml.deployment.shares import more_often
from ml.io.errors import UserError
from ml.settings.deploy import Deploy
from serving.exposition import SCORES, SECONDS, Metrics

RULE = Deploy()


def buckets(values, limits):
    return {limit: float((np.asarray(values) <= limit).sum()) for limit in [*limits, math.inf]}


def window(requests=1000, errors=0, ms=5.0, scores=(0.1, 0.2, 0.4, 0.8), rows=1000):
    seconds = buckets([ms / 1000] * requests, SECONDS)
    return Window(requests, errors, seconds, buckets(np.resize(scores, rows), SCORES))


def test_an_equal_image_stays():
    assert judge(window(), window(), RULE) == ""


@pytest.mark.parametrize(
    ("canary", "reason"),
    [
        (window(errors=40), "errors: 40 of 1,000 requests failed"),
        (window(requests=3, errors=3), "errors: 3 of 3"),
        (window(ms=60), "latency: p95"),
        (window(scores=(0.9, 0.95)), "scores: the distributions are"),
    ],
)
def test_a_worse_image_is_rolled_back_with_numbers(canary, reason):
    assert reason in judge(window(), canary, RULE)


@pytest.mark.parametrize(
    "canary",
    [
        window(errors=10),  # as many as allowed
        window(requests=1, errors=1),  # one request proves nothing
        window(ms=9),  # slower, and still fast
        window(requests=20, ms=500),  # too few to tell
        window(rows=20, scores=(0.95,)),
        Window(),
    ],
)
def test_chance_and_missing_traffic_roll_nothing_back(canary):
    assert judge(window(), canary, RULE) == ""


def test_an_image_is_not_blamed_for_errors_that_the_other_has_too():
    assert judge(window(errors=50), window(errors=50), RULE) == ""


@given(st.integers(0, 2**32 - 1))
def test_two_samples_of_one_distribution_do_not_differ(seed):
    rng = np.random.default_rng(seed)
    one, other = (window(rows=n, scores=rng.beta(2, 5, n)) for n in (2000, 60))

    assert judge(one, other, Deploy(max_score_shift=0.1)) == ""


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_the_distance_is_symmetric_and_between_0_and_1(one, other):
    a, b = buckets(one, SCORES), buckets(other, SCORES)

    assert distance(a, b) == pytest.approx(distance(b, a))
    assert 0 <= distance(a, b) <= 1
    assert distance(a, a) == 0


def test_the_observation_is_reported_with_numbers():
    assert told(window(900, ms=5), window(ms=9), RULE) == (
        "1,000 requests, and 900 of the serving image, p95 9.8 ms compared with 4.9 ms: within all limits"
    )


@pytest.mark.parametrize("few", [(window(), window(20)), (window(20), window())])
def test_few_requests_are_not_judged_and_the_report_says_so(few):
    assert "too few to judge latency and scores (deploy.min_requests: 50 of each)" in told(*few, RULE)


def test_a_quantile_is_interpolated_inside_its_bucket():
    assert quantile({0.1: 0, 0.2: 100, math.inf: 100}, 0.95) == pytest.approx(0.195)
    assert math.isnan(quantile({}, 0.5))


def test_the_metrics_of_the_server_are_read_correctly():
    metrics = Metrics()
    metrics.requests.labels("/predict", 200).inc(7)
    metrics.requests.labels("/predict", 503).inc(2)
    metrics.requests.labels("/predict", 422).inc(1)
    metrics.requests.labels("/health/ready", 503).inc(5)
    metrics.seconds.labels("/predict").observe(0.003)
    metrics.scores.labels("churn@1", "champion").observe(0.95)
    metrics.scores.labels("churn@2", "shadow").observe(0.05)
    metrics.answered("churn@1", "champion")([{"score": 0.95, "label": True}] * 3)

    found = parse(metrics.text().decode())

    assert (found.requests, found.errors) == (10, 3)
    assert found.seconds[0.0025] == 0
    assert found.seconds[0.005] == found.seconds[math.inf] == 1
    assert (found.scores[0.9], found.scores[1.0]) == (0, 4)
    assert found.squares == 9


def test_a_window_contains_the_requests_since_its_start():
    before, now = window(requests=10, rows=10), window(requests=30, errors=2, rows=30)

    assert now.since(before) == window(requests=20, errors=2, rows=20)


def test_a_restarted_server_is_detected():
    with pytest.raises(UserError, match="restarted"):
        window(requests=3).since(window(requests=10))


@pytest.mark.parametrize("name", ["10 rows", "100 rows", "1 or 20 rows"])
def test_equal_images_with_alike_rows_in_a_request_stay(name):
    assert sent_back(QUIET[name], 10, RULE) == 0


@pytest.mark.parametrize("name", ["20 % more errors", "10 times slower", "scores off by 0.4"])
def test_a_worse_image_is_caught(name):
    assert sent_back(WORSE[name], 5, RULE) == 1


def test_errors_of_both_images_roll_nothing_back_if_the_serving_image_gets_few_requests():
    life = window(requests=10_000, errors=500)

    assert judge(window(requests=4), window(errors=50), RULE, life) == ""
    assert "errors" in judge(window(requests=4), window(errors=200), RULE, life)
    assert "errors" in judge(Window(), window(errors=200), RULE)


def test_rows_of_uneven_requests_count_as_few_batches():
    even, uneven = window(requests=100, rows=1000), window(requests=100, rows=1000)

    assert replace(even, squares=100 * 10**2).batches == 100
    assert replace(uneven, squares=99 * 1 + 901**2).batches < 2
    assert "too few to judge scores" in told(window(), replace(uneven, squares=901**2), RULE)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 2000), st.integers(0, 2000), st.floats(0, 1))
def test_a_p_value_is_valid_for_any_counts(one, other, more, most, allowed):
    assert 0 <= more_often((one, one + more), (other, other + most), allowed) <= 1


def test_too_few_requests_are_reported_as_unjudged():
    assert told(window(20), window(20), RULE).startswith("UNJUDGED, ")
