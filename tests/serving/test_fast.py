"""The fast routes keep: each request's own scores, the middlewares, and the limits."""

import asyncio

import numpy as np
import pytest
from fastapi.testclient import TestClient

from serving.batch import Batcher
from tests.serving.server import application, built, rows


class Doubling:
    """A predictor whose scores are twice the rows' numbers, and that records the number of rows of each call."""

    def __init__(self):
        self.calls = []

    def scores(self, given):
        self.calls.append(len(given))
        return np.array([2.0 * row["x"] for row in given])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, customers, params):
    return built(tmp_path_factory.mktemp("model"), customers, params)


def test_requests_of_one_iteration_share_a_call_and_each_gets_its_own_scores():
    predictor = Doubling()

    async def waves():
        batcher = Batcher(predictor)
        return [
            await asyncio.gather(*(batcher.scores([{"x": 100 * wave + n}, {"x": -n}]) for n in range(20)))
            for wave in range(4)
        ]

    answers = asyncio.run(waves())

    for wave, found in enumerate(answers):
        assert [scores.tolist() for scores in found] == [[2.0 * (100 * wave + n), -2.0 * n] for n in range(20)]
    assert predictor.calls == [40] * 4


def test_single_requests_are_answered_at_once_and_concurrent_ones_are_batched_soon():
    predictor = Doubling()

    async def lone_then_many():
        batcher = Batcher(predictor)
        await batcher.scores([{"x": 1}])
        with pytest.raises(StopIteration):  # finished at the first step: it waited for nothing
            batcher.scores([{"x": 1}]).send(None)
        predictor.calls.clear()
        await asyncio.gather(*(batcher.scores([{"x": n}]) for n in range(40)))

    asyncio.run(lone_then_many())

    assert len(predictor.calls) < 10


def test_a_middleware_of_a_fork_applies_to_the_fast_routes(folder, customers, params, tmp_path):
    seen = []

    class Watch:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            seen.append(scope.get("path"))
            await self.app(scope, receive, send)

    app = application(folder, tmp_path / "logs")
    app.add_middleware(Watch)
    with TestClient(app) as client:
        client.post("/predict", json={"rows": rows(customers, params.data, 1)})
        client.get("/model")

    assert {"/predict", "/model"} <= set(seen)


def test_fast_routes_share_one_rate_limit_with_the_others(folder, tmp_path):
    with TestClient(application(folder, tmp_path / "logs", rate=0.1)) as client:
        answers = [client.post("/predict", json={}), client.get("/model"), client.post("/feedback", json={})]

    assert [answer.status_code for answer in answers] == [422, 429, 429]


@pytest.mark.slow
def test_a_fast_route_refuses_another_method_and_numbers_each_request(folder, tmp_path):
    with TestClient(application(folder, tmp_path / "logs")) as client:
        answers = [client.get("/predict") for _ in range(50)]

    assert {(answer.status_code, answer.headers["allow"]) for answer in answers} == {(405, "POST")}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 50
