"""The limits of one client on the server: bytes, seconds and connections; and the ignored upgrades."""

import asyncio
import json
import re

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from serving import connection
from serving.protocol import Protocol
from tests.serving.wire import Wire

LINE = b"POST /x HTTP/1.1\r\nhost: us\r\n"
NEXT = b"GET / HTTP/1.1\r\nhost: us\r\n\r\n"
BODY = LINE + b"content-length: 4\r\n\r\n"


class Socket(Wire):
    """A transport that drops data written after it is closed, like the system's own sockets."""

    def write(self, data):
        if not self.closed:
            super().write(data)


async def echo(scope, receive, send):
    """Answers with method, headers and body; waits for all of it."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message.get("body", b""), message["more_body"]
    names = [name.decode() for name, _ in scope["headers"]]
    content = json.dumps([scope["method"], names, body.decode()]).encode()
    head = [(b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": content})


@pytest.fixture
def connected(monkeypatch):
    """Run a function with a function that opens connections, under limits of a tenth of a second."""
    monkeypatch.setattr(connection, "LOOK", 0.02)
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.1)

    def run(ask, **settings):
        async def asking():
            settings_ = {"timeout_keep_alive": 0.3, "lifespan": "off", "log_level": "error", **settings}
            config = uvicorn.Config(echo, http=Protocol, ws="none", **settings_)
            config.load()
            state, opened = ServerState(), []

            def open_one():
                protocol, wire = Protocol(config, state, {}), Socket()
                protocol.connection_made(wire)
                opened.append(protocol)
                return protocol, wire

            found = await ask(open_one)
            for protocol in opened:
                protocol.connection_lost(None)
            return found

        return asyncio.run(asking())

    return run


def sent(connected, *parts, after=0.05, **settings):
    """The response to these bytes, and whether the connection is then closed; `after` None waits until it is."""

    async def ask(open_one):
        protocol, wire = open_one()
        for part in parts:
            protocol.data_received(part)
        for _ in range(500):
            await asyncio.sleep(after or 0.01)
            if wire.closed or after:
                break
        return b"".join(wire.sent), wire.closed

    return connected(ask, **settings)


@pytest.mark.parametrize("offer", [b"h2c", b"websocket", b"TLS/1.0, x"])
def test_a_protocol_upgrade_is_ignored_and_the_body_is_read(connected, offer):
    head = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: " + offer + b"\r\nhttp2-settings: AA\r\n"

    answer, closed = sent(connected, LINE + head + b"content-length: 4\r\n\r\nbo", b"dy", NEXT)

    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b'["POST", ["host", "content-length"], "body"]' in answer
    assert not closed


def test_a_chunked_body_after_an_upgrade_is_read_and_closed_on_request(connected):
    head = b"connection: upgrade, close\r\nupgrade: h2c\r\ntransfer-encoding: chunked\r\n\r\n"

    answer, closed = sent(connected, LINE + head + b"4\r\nbody\r\n0\r\n\r\n")

    assert b'"body"]' in answer
    assert closed


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02"]
)
def test_bytes_that_are_no_request_are_refused_and_the_connection_is_closed(connected, line):
    answer, closed = sent(connected, line, after=0.2)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert closed


CHUNKED = LINE + b"transfer-encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\n"
RULES = {
    "no host": (GET + b"\r\n", "400"),
    "two hosts": (GET + b"host: us\r\nhost: us\r\n\r\n", "400"),
    "a host that is none": (GET + b"host: us/x@y\r\n\r\n", "400"),
    "a list of hosts": (GET + b"host: us, them\r\n\r\n", "400"),
    "an empty host": (GET + b"host:\r\n\r\n", "200"),
    "HTTP/1.0 without host": (b"GET / HTTP/1.0\r\n\r\n", "200"),
    "HTTP/1.0 keeps no connection": (b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n" + NEXT, "200"),
    "HTTP/1.0 in chunks": (b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nhost: us\r\n\r\n", "400"),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nhost: us\r\n\r\n", "505"),
    "a version in small letters": (b"GET / http/1.1\r\nhost: us\r\n\r\n", "400"),
    "two lengths": (LINE + b"content-length: 4\r\ncontent-length: 5\r\n\r\nbody!", "400"),
    "one length twice": (LINE + b"content-length: 4\r\ncontent-length: 4\r\n\r\nbody", "400"),
    "a list of lengths": (LINE + b"content-length: 4, 4\r\n\r\nbody", "400"),
    "a length with a sign": (LINE + b"content-length: +4\r\n\r\nbody", "400"),
    "a length in base 16": (LINE + b"content-length: 0x4\r\n\r\nbody", "400"),
    "no length": (LINE + b"content-length:\r\n\r\n", "400"),
    "a length beyond 64 bits": (LINE + b"content-length: 99999999999999999999\r\n\r\n", "400"),
    "length and chunks": (LINE + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    "chunks and length": (LINE + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n", "400"),
    "chunked twice": (LINE + b"transfer-encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", "400"),
    "chunked in capitals": (LINE + b"transfer-encoding: Chunked\r\n\r\n0\r\n\r\n", "200"),
    "chunked before gzip": (LINE + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400"),
    "chunked after gzip": (LINE + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"),
    "almost chunked": (LINE + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", "501"),
    "quoted chunked": (LINE + b'transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n', "501"),
    "chunked after a control character": (LINE + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "400"),
    "a space before a colon": (LINE + b"content-length : 4\r\n\r\nbody", "400"),
    "a tab before a colon": (LINE + b"transfer-encoding\t: chunked\r\n\r\n0\r\n\r\n", "400"),
    "a header without a name": (LINE + b": x\r\n\r\n", "400"),
    "a header without a colon": (LINE + b"abc\r\n\r\n", "400"),
    "a folded header": (LINE + b"a: b\r\n c\r\n\r\n", "400"),
    "a folded coding": (LINE + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "400"),
    "a folded first header": (b"GET / HTTP/1.1\r\n host: us\r\n\r\n", "400"),
    "NUL in a value": (LINE + b"a: b\x00c\r\n\r\n", "400"),
    "CR in a value": (LINE + b"a: b\rcontent-length: 4\r\n\r\nbody", "400"),
    "LF in a value": (LINE + b"a: b\ncontent-length: 4\r\n\r\nbody", "400"),
    "lines that end with LF": (b"GET / HTTP/1.1\nhost: us\n\n", "400"),
    "a head that ends with LF": (b"GET / HTTP/1.1\r\nhost: us\r\n\n", "400"),
    "empty lines before": (b"\r\n\r\n" + NEXT, "200"),
    "a chunk extension": (CHUNKED + b'4;a=b;c="d"\r\nbody\r\n0;e\r\n\r\n', "200"),
    "a chunk extension that ends with LF": (CHUNKED + b"4;a\nbody\r\n0\r\n\r\n", "400"),
    "a chunk size with a prefix": (CHUNKED + b"0x4\r\nbody\r\n0\r\n\r\n", "400"),
    "a chunk size with a sign": (CHUNKED + b"-4\r\nbody\r\n0\r\n\r\n", "400"),
    "a chunk size with a space": (CHUNKED + b"4 \r\nbody\r\n0\r\n\r\n", "400"),
    "a chunk size beyond 64 bits": (CHUNKED + b"FFFFFFFFFFFFFFFFF\r\nbody\r\n0\r\n\r\n", "400"),
    "no chunk size": (CHUNKED + b"\r\nbody\r\n0\r\n\r\n", "400"),
    "a chunk that ends with LF": (CHUNKED + b"4\nbody\n0\n\n", "400"),
    "a chunk longer than its size": (CHUNKED + b"4\r\nbodyyy\r\n0\r\n\r\n", "400"),
    "a trailer": (CHUNKED + b"4\r\nbody\r\n0\r\nx-forwarded-for: 1.2.3.4\r\n\r\n", "200"),
    "a trailer with a length": (CHUNKED + b"4\r\nbody\r\n0\r\ncontent-length: 9\r\n\r\n", "400"),
    "a whole URL": (b"GET http://other/x HTTP/1.1\r\nhost: us\r\n\r\n", "200"),
    "a target without a slash": (b"GET x HTTP/1.1\r\nhost: us\r\n\r\n", "400"),
    "a fragment": (b"GET /x#y HTTP/1.1\r\nhost: us\r\n\r\n", "400"),
    "a space in the target": (b"GET /a b HTTP/1.1\r\nhost: us\r\n\r\n", "400"),
    "tabs between": (b"GET\t/\tHTTP/1.1\r\nhost: us\r\n\r\n", "400"),
    "an unknown method": (b"FOO / HTTP/1.1\r\nhost: us\r\n\r\n", "400"),
    "GET with a body": (b"GET / HTTP/1.1\r\nhost: us\r\ncontent-length: 4\r\n\r\nbody" + NEXT, "200 200"),
    "Expect": (LINE + b"expect: 100-Continue\r\ncontent-length: 4\r\n\r\nbody", "100 200"),
    "Expect in HTTP/1.0": (b"POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nbody", "200"),
    "two requests": (NEXT + b"\r\n" + NEXT, "200 200"),
    "a request after the last one": (GET + b"host: us\r\nconnection: close\r\n\r\n" + NEXT, "200"),
    "noise after a request": (NEXT + b"\x16\x03\x01\r\n\r\n", "200 400"),
    "noise after two requests": (NEXT + NEXT + b"NOISE\r\n\r\n", "200 200 400"),
    "a body longer than its length": (BODY + b"bodyMORE\r\n", "200 400"),
    "no host in the second": (NEXT + GET + b"\r\n", "200 400"),
    "a broken body after a request": (NEXT + CHUNKED + b"4\nbody", "200 400"),
    "an upgrade and two lengths": (
        LINE + b"connection: upgrade\r\nupgrade: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nbody!",
        "400",
    ),
}


@pytest.mark.parametrize("pieces", ["whole", "bytes"])
@pytest.mark.parametrize("rule", RULES)
def test_a_request_means_the_same_to_each_proxy_or_is_refused(connected, rule, pieces):
    request, expected = RULES[rule]
    parts = [request] if pieces == "whole" else [request[at : at + 1] for at in range(len(request))]

    answer, closed = sent(connected, *parts, after=0.05 if expected.endswith("200") else None)

    assert b" ".join(re.findall(rb"HTTP/1\.1 (\d+)", answer)).decode() == expected
    assert closed or expected.endswith("200")


def test_a_trailer_is_no_header(connected):
    answer, _ = sent(connected, CHUNKED + b"4\r\nbody\r\n0\r\nx-forwarded-for: 1.2.3.4\r\n\r\n")

    assert b'["POST", ["host", "transfer-encoding"], "body"]' in answer


def test_a_request_is_answered_before_the_refusal_of_what_follows_it(connected):
    answer, closed = sent(connected, BODY + b"bo", b"dy" + CHUNKED + b"4\r\nbo", b"dyNOISE", after=None)

    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200", b"400"]
    assert closed


@pytest.mark.slow
@pytest.mark.parametrize(
    "parts",
    [
        [LINE + b"a: b\r\n" * 10_000],
        [LINE + b"a: ", *[b"b" * 10_000] * 5],
        [b"GET /", *[b"b" * 10_000] * 5],
        [LINE + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 10_000],
        [LINE + b"transfer-encoding: chunked\r\n\r\n0\r\na: ", *[b"b" * 10_000] * 5],
        [LINE + b"transfer-encoding: chunked\r\n\r\n1;", *[b"b" * 10_000] * 5],
    ],
)
def test_the_size_of_a_head_is_limited_in_each_part(connected, parts):
    answer, closed = sent(connected, *parts, b"c" * 100_000, after=0.2)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert closed


@pytest.mark.slow
def test_a_body_in_many_small_chunks_is_passed_on_in_one_piece(connected, monkeypatch):
    pieces = []
    whole = HttpToolsProtocol.on_body
    monkeypatch.setattr(HttpToolsProtocol, "on_body", lambda self, body: [pieces.append(body), whole(self, body)])
    head, chunks = LINE + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 5000

    answer, _ = sent(connected, head + chunks, b"2\r\nyz\r\n1\r\n!\r\n0\r\n\r\n" + BODY + b"body", after=0.2)

    assert [len(piece) for piece in pieces] == [5000, 3, 4]
    assert b"x" * 5000 + b"yz!" in answer
    assert b'"body"' in answer


@pytest.mark.slow
def test_a_body_in_too_many_chunks_is_refused_and_each_request_is_counted_separately(connected, monkeypatch):
    monkeypatch.setattr(connection, "CHUNKS", 50)
    head, chunk, end = LINE + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n", b"0\r\n\r\n"

    many, closed = sent(connected, head + chunk * 51, after=0.2)
    twice, _ = sent(connected, head + chunk * 50 + end, head + chunk * 50 + end, after=0.2)

    assert many.startswith(b"HTTP/1.1 413 ")
    assert closed
    assert twice.count(b"HTTP/1.1 200 ") == 2


@pytest.mark.slow
def test_few_requests_are_read_before_the_first_response(connected):
    few = sent(connected, NEXT * 30, after=0.2)
    many = sent(connected, NEXT * 60)

    assert (few[0].count(b"HTTP/1.1 200"), few[1]) == (30, False)
    assert many[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "answer"), [(LINE, b"HTTP/1.1 408 "), (BODY + b"bo", b"HTTP/1.1 408 "), (b"", b""), (b"\r\n" * 9, b"")]
)
def test_a_client_that_sends_slowly_or_nothing_is_disconnected(connected, part, answer):
    found, closed = sent(connected, part, after=0.6)

    assert found.startswith(answer)
    assert bool(found) == bool(answer)
    assert closed


@pytest.mark.slow
def test_an_idle_connection_is_closed_after_a_while(connected):
    early, late = (sent(connected, BODY + b"body", after=seconds) for seconds in (0.15, 0.6))

    assert early[0] == late[0]
    assert (early[1], late[1]) == (False, True)


@pytest.mark.slow
def test_a_client_that_does_not_read_the_response_is_disconnected(connected):
    async def ask(open_one):
        protocol, wire = open_one()
        protocol.data_received(BODY + b"body")
        protocol.pause_writing()
        await asyncio.sleep(0.25)
        return wire.closed

    assert connected(ask)


def test_a_pause_of_the_server_disconnects_no_client(connected):
    async def ask(open_one):
        protocol, wire = open_one()
        protocol.data_received(BODY)
        protocol.since -= 10
        protocol._look(protocol.loop.time() - 10)  # as after ten seconds of SIGSTOP
        protocol.data_received(b"body")
        await asyncio.sleep(0.05)
        return wire.sent[0]

    assert connected(ask).startswith(b"HTTP/1.1 200")


def test_a_new_connection_replaces_the_longest_idle_one(connected):
    async def ask(open_one):
        wires = []
        for _ in range(7):
            protocol, wire = open_one()
            wires.append(wire)
            await asyncio.sleep(0.001)
        protocol.data_received(BODY + b"body")
        await asyncio.sleep(0.05)
        return [wire.closed for wire in wires], wires[-1].sent[0]

    closed, answer = connected(ask, limit_concurrency=5)

    assert closed == [True] * 3 + [False] * 4
    assert answer.startswith(b"HTTP/1.1 200")
