"""Transmission of responses: each in one piece, although an application sends head and body separately."""

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from serving.protocol import Protocol
from tests.serving.wire import Wire

HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]}
LAST = b"GET / HTTP/1.1\r\nhost: us\r\nconnection: close\r\n\r\n"
NEXT = b"GET / HTTP/1.1\r\nhost: us\r\n\r\n"


async def whole(_, __, send):
    await send(HEAD)
    await send({"type": "http.response.body", "body": b"done"})


async def in_parts(_, __, send):
    await send(HEAD)
    for part in (b"do", b"ne"):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": part, "more_body": part == b"do"})


@pytest.fixture
def asked():
    """The messages that an application sends in response to this request."""

    async def ask(application, *requests):
        config = uvicorn.Config(application, lifespan="off", http=Protocol, log_level="error")
        config.load()
        protocol, wire = Protocol(config, ServerState(), {}), Wire()
        protocol.connection_made(wire)
        for request in requests:
            protocol.data_received(request)
            await asyncio.sleep(0.05)
        protocol.connection_lost(None)
        return wire

    return lambda *arguments: asyncio.run(ask(*arguments))


def test_head_and_body_are_sent_together(asked):
    wire = asked(whole, NEXT, NEXT, LAST)

    assert len(wire.sent) == 3
    assert all(part.startswith(b"HTTP/1.1 200 OK\r\n") and part.endswith(b"\r\n\r\ndone") for part in wire.sent)
    assert wire.closed


def test_later_parts_are_not_awaited(asked):
    wire = asked(in_parts, LAST)

    assert [part[-4:] for part in wire.sent] == [b"\r\n\r\n", b"do", b"ne"]
    assert wire.closed


def test_responses_to_simultaneous_requests_keep_their_order(asked):
    wire = asked(whole, NEXT + NEXT + NEXT)

    assert b"".join(wire.sent).count(b"\r\n\r\ndone") == 3
    assert b"".join(wire.sent).endswith(b"\r\n\r\ndone")
