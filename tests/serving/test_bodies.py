"""The cost of a body: refused before its values are created, decoded within the limit, and explained briefly."""

import asyncio
import gzip
import json
import time
import tracemalloc

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from ml.settings.params import read_params
from serving.bodies import Bodies, decoded, measured
from serving.events import Refused
from tests.conftest import SAMPLE
from tests.serving.server import application, built, rows

DATA = read_params(SAMPLE).data
JSON, CSV = {"content-type": "application/json"}, {"content-type": "text/csv"}
MANY = 300_000
KEYS = b",".join(b'"k%d":1' % n for n in range(MANY))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, customers, params):
    return built(tmp_path_factory.mktemp("model"), customers, params)


@pytest.fixture(scope="module")
def client(folder, tmp_path_factory):
    with TestClient(application(folder, tmp_path_factory.mktemp("logs"))) as client:
        yield client


HOSTILE = {
    "unknown columns": ("/predict", b'{"rows":[{' + KEYS + b"}]}", JSON),
    "fewer unknown columns": ("/predict", b'{"rows":[{' + KEYS[:25_000].rpartition(b",")[0] + b"}]}", JSON),
    "as many as of all rows": ("/predict", b'{"rows":[{' + KEYS[:160_000].rpartition(b",")[0] + b"}]}", JSON),
    "a huge name": ("/predict", b'{"rows":[{"' + b"x" * 4_000_000 + b'":1}]}', JSON),
    "empty rows": ("/predict", b'{"rows":[' + b"{}," * MANY + b"{}]}", JSON),
    "all rows wrong": ("/predict", b'{"rows":[' + b'{"plan":[],"region":[]},' * 999 + b"{}]}", JSON),
    "depth": ("/predict", b"[" * 4_000_000, JSON),
    "a name again and again": ("/predict", b"{" + b'"rows":1,' * MANY + b'"rows":[]}', JSON),
    "digits": ("/predict", b'{"rows":[{"customer_id":' + b"9" * 4_000_000 + b"}]}", JSON),
    "no UTF-8": ("/predict", b'{"rows":["' + b"\xff" * 4_000_000 + b'"]}', JSON),
    "labels": ("/feedback", b'{"labels":[' + b'{"id":1,"label":true},' * 150_000 + b"{}]}", JSON),
    "keys of a label": ("/feedback", b'{"labels":[{' + KEYS + b"}]}", JSON),
    "records": ("/invocations", b'{"dataframe_records":[' + b'{"a":1},' * MANY + b"{}]}", JSON),
    "few records too many": ("/invocations", b'{"dataframe_records":[' + b'{"a":1},' * 1000 + b"{}]}", JSON),
    "split": ("/invocations", b'{"dataframe_split":{"columns":["a"],"data":[' + b"[1]," * MANY + b"[1]]}}", JSON),
    "instances": ("/invocations", b'{"instances":[' + b"[1]," * MANY + b"[1]]}", JSON),
    "inputs": ("/invocations", b'{"inputs":{"a":[' + b"1," * MANY + b"1]}}", JSON),
    "lines": ("/invocations", b"a\n" + b"1\n" * MANY, CSV),
    "cells": ("/invocations", b"a," * MANY + b"\n1\n", CSV),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_an_expensive_body_is_refused_briefly_and_with_little_memory(client, case):
    path, content, headers = HOSTILE[case]
    client.post(path, content=b"{}", headers=headers)
    tracemalloc.start()
    try:
        answer = client.post(path, content=content, headers=headers)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert answer.status_code == 422, answer.text[:300]
    assert len(answer.content) < 20_000
    assert peak < 8 * len(content) + 10_000_000


def test_values_are_counted_only_outside_of_quotes():
    text = json.dumps({"a": ['x,[{"\\', "\\\\,,,,,,,,,,,,,,,", 1]}).encode()

    measured(text, 4, "four")
    with pytest.raises(Refused):
        measured(text, 3, "three")


@given(
    st.recursive(
        st.text(max_size=5) | st.integers(),
        lambda v: st.lists(v) | st.dictionaries(st.text(max_size=5), v),
        max_leaves=10,
    )
)
def test_the_measure_of_json_is_the_number_of_its_commas_and_brackets(value):
    def marks(inner):
        if isinstance(inner, dict | list):
            items = inner.values() if isinstance(inner, dict) else inner
            return 1 + max(len(inner) - 1, 0) + sum(marks(item) for item in items)
        return 0

    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    measured(text, marks(value), "so many")
    if marks(value):
        with pytest.raises(Refused):
            measured(b" " * len(text) + text, marks(value) - 1, "fewer")


def test_a_large_body_gets_the_same_scores_and_errors_as_a_small_one(client, customers):
    sent = rows(customers, DATA, 300)
    alone = client.post("/predict", json={"rows": sent[290:]}).json()["predictions"]

    whole = client.post("/predict", json={"rows": sent}).json()["predictions"]
    sent[290] |= {"plan": "none", "colour": "red"}
    large = client.post("/predict", json={"rows": sent}).json()["detail"]
    small = client.post("/predict", json={"rows": sent[290:]}).json()["detail"]

    assert [p["id"] for p in whole[290:]] == [p["id"] for p in alone]
    assert [p["score"] for p in whole[290:]] == pytest.approx([p["score"] for p in alone])
    assert [p["row"] for p in large] == [290, 290]
    assert [{**p, "row": 0, "loc": [*p["loc"][:2], 0, *p["loc"][3:]]} for p in large] == [
        {**p, "msg": p["msg"].replace("row 0", "row 290")} for p in small
    ]


def test_gzip_and_a_byte_order_mark_are_read_and_other_encodings_named(client, customers):
    plain = json.dumps({"rows": rows(customers, DATA, 3)}).encode()
    expected = client.post("/predict", content=plain, headers=JSON).json()["predictions"]

    marked = client.post("/predict", content=b"\xef\xbb\xbf" + plain, headers=JSON)
    packed = client.post("/predict", content=gzip.compress(plain), headers=JSON | {"content-encoding": "gzip"})
    brotli = client.post("/predict", content=plain, headers=JSON | {"content-encoding": "br"})
    invoked = client.post("/invocations", content=gzip.compress(b"a\n1\n"), headers=CSV | {"content-encoding": "gzip"})

    assert marked.json()["predictions"] == packed.json()["predictions"] == expected
    assert (brotli.status_code, brotli.headers["accept-encoding"]) == (415, "gzip")
    assert "`br`" in brotli.json()["detail"]
    assert "the contract has no such column" in invoked.text


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (gzip.compress(b" " * 10_000_000), 413),
        (gzip.compress(b"{}")[:-4], 400),
        (gzip.compress(b"{}") * 2, 400),
        (b"{}", 400),
    ],
    ids=["too large", "cut off", "two in one", "not packed"],  # gzip writes the time, and test runners compare the ids
)
def test_the_limit_applies_to_a_decoded_body(content, status):
    with pytest.raises(Refused) as refused:
        decoded(content, b"gzip", 5_000_000)

    assert refused.value.status == status


@pytest.mark.slow
def test_others_are_answered_while_a_large_body_is_parsed():
    async def ask():
        bodies, order = Bodies(1_000_000), []

        async def then(value):
            order.append(value)

        def slow(_):
            time.sleep(0.2)
            return "large"

        large = asyncio.create_task(bodies.answer(b"," * 100_000, b"", slow, then))
        await asyncio.sleep(0.02)
        await bodies.answer(b"{}", b"", lambda _: "small", then)
        await large
        return order

    assert asyncio.run(ask()) == ["small", "large"]


def test_incomplete_bodies_of_many_clients_use_bounded_memory(folder, tmp_path):
    app = application(folder, tmp_path / "logs", max_body_mb=0.1)
    scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "client": ("a", 1)}
    scope |= {"headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]}

    async def ask():
        told, forever = [], asyncio.Event()

        async def one():
            parts = [b" " * 90_000]

            async def receive():
                if not parts:
                    await forever.wait()
                return {"type": "http.request", "body": parts.pop(), "more_body": True}

            async def send(message):
                told.append(message.get("status"))

            await app(dict(scope), receive, send)

        tasks = [asyncio.create_task(one()) for _ in range(12)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return [status for status in told if status]

    assert asyncio.run(ask()) == [503] * 4


def test_head_gets_the_headers_of_get_and_no_body(client):
    for path in ("/health/live", "/health/ready", "/", "/ping", "/metrics"):
        got, head = client.get(path), client.head(path)

        assert head.status_code == got.status_code == 200, path
        assert head.content == b""
        assert head.headers["content-type"] == got.headers["content-type"]
    assert client.head("/health/live").headers["content-length"] == str(len(client.get("/health/live").content))


def test_the_start_page_and_the_document_name_every_endpoint(client):
    start, document = client.get("/").json(), client.get("/openapi.json").json()["paths"]

    assert client.get(start["docs"]).status_code == client.get(start["ready"]).status_code == 200
    assert {"/", "/predict", "/feedback", "/invocations", "/ping", "/version", "/model", "/metrics"} <= set(document)
    assert all(operation["description"] for path in document.values() for operation in path.values())


@pytest.mark.slow
def test_browsers_of_other_origins_are_accepted_only_by_setting(folder, tmp_path, customers):
    asked = {"origin": "https://a.example", "access-control-request-method": "POST"}
    body = {"rows": rows(customers, DATA, 1)}

    found = []
    for setting in ({}, {"cors_origins": "https://a.example"}):
        with TestClient(application(folder, tmp_path / "logs", **setting)) as client:
            answers = client.options("/predict", headers=asked), client.post("/predict", json=body, headers=asked)
            found.append([answer.headers.get("access-control-allow-origin") for answer in answers])

    assert found == [[None, None], ["https://a.example"] * 2]
