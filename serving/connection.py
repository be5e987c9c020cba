"""One client's connection with limits on bytes, time and the number of connections."""

from asyncio import Transport
from typing import Any

import httptools
from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.request_rules import broken, expects_continue, without_upgrade

HEAD_BYTES = 32_768  # of request line and headers together; also of trailers and of heads of chunks
HEADERS = 100
CHUNKS = 20_000  # pieces of a body, because each costs a call
HEAD_SECONDS = 10  # from the first byte of a request to the end of its headers
REQUEST_SECONDS = 30  # from the first byte of a request to its last
ANSWER_SECONDS = 30  # for a client to read a response, before the connection is closed
AHEAD = 32  # pipelined requests before the first response
ROOM = 20  # if there are too many, 1 in this many connections is closed: the longest idle ones
LOOK = 1.0  # seconds between two checks of a connection: the precision of the time limits
TEXTS = {
    400: "This is not an HTTP/1.1 request with one valid Host header.",
    408: f"The request did not arrive in time: {HEAD_SECONDS} s for its headers, {REQUEST_SECONDS} s for all of it.",
    413: f"The body comes in more than {CHUNKS:,} chunks. Send larger ones.",
    431: f"Request line and headers are larger than {HEAD_BYTES:,} bytes, or more than {HEADERS} headers.",
    501: "The only transfer coding here is chunked.",
    505: "This server speaks HTTP/1.1.",
}


class _RefusedError(Exception):
    """Stops the parser; 0 stands for no response."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Bounded(HttpToolsProtocol):
    """Uvicorn's HTTP protocol that refuses large or slow requests, and ignores protocol upgrades."""

    _got = 0  # bytes in one piece
    _heads = 0  # bytes of headers, trailers and heads of chunks since the start or the last piece of body
    _chunks = 0  # of the body so far
    _reading = False  # a request is incomplete
    _named = 0  # headers and trailers of this request
    _trailing = False  # its headers are complete
    _over = False  # refused; further bytes are dropped
    _late = 0  # the status of a refusal that follows the responses to earlier requests
    _stuck: float | None = None  # time since which the client does not read its response
    _watch: Any = None

    @property
    def _parser(self) -> Any:
        """Uvicorn's parser, which exists while the connection is open."""
        return self.parser

    def connection_made(self, transport: Transport) -> None:
        """Begin to serve a connection; if there are too many, the longest idle ones are closed."""
        super().connection_made(transport)
        self._parts: list[bytes] = []  # pieces of a body in the data that is read now
        self._wait(self.timeout_keep_alive)
        self._watch = self.loop.call_later(LOOK, self._look, self.since + LOOK)
        if self.limit_concurrency and len(self.connections) >= self.limit_concurrency:
            others = (c for c in self.connections if isinstance(c, Bounded) and c is not self)
            waiting = sorted((c for c in others if c.waits), key=lambda c: c.since)
            # Several, because a search costs a millisecond.
            for one in waiting[: max(1, self.limit_concurrency // ROOM)]:
                one.leave()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection."""
        self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read further bytes."""
        if self._over:
            return
        self._got = len(data)
        self._heads += self._got
        try:
            self._parser.feed_data(data)
            self._pass_on()
            if self._heads > HEAD_BYTES:
                self.refuse(431)
        except httptools.HttpParserUpgrade as found:
            self._decline(data[found.args[0] :])
        except httptools.HttpParserError as error:
            self.refuse(error.__context__.status if isinstance(error.__context__, _RefusedError) else 400)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._reading, self._trailing = True, False
        self._heads = self._chunks = self._named = 0
        self.since, self._patience = self.loop.time(), HEAD_SECONDS

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one trailer after the body; trailers are dropped, because a proxy does not check them."""
        self._named += 1
        if self._named > HEADERS:
            raise _RefusedError(431)
        if not self._trailing:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The headers are complete; the body may still arrive."""
        if self._got > HEAD_BYTES and len(self.url) + sum(len(k) + len(v) + 4 for k, v in self.headers) > HEAD_BYTES:
            raise _RefusedError(431)
        version = self._parser.get_http_version()
        if status := broken(version, self.url, self.headers):
            raise _RefusedError(status)
        self.expect_100_continue = expects_continue(version, self.headers)
        self._patience, self._trailing = REQUEST_SECONDS, True
        super().on_headers_complete()
        if self.pipeline and len(self.pipeline) > AHEAD:
            raise _RefusedError(0)

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._heads = 0
        self._chunks += 1
        if self._chunks > CHUNKS:
            raise _RefusedError(413)
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._reading, self._heads = False, 0
        self._pass_on()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A response is sent; the client may send another request."""
        super().on_response_complete()
        if not self._reading:
            self.since, self._patience = self.loop.time(), self.timeout_keep_alive
        if self._late and not self.pipeline and not self.transport.is_closing():
            self.refuse(self._late)

    def timeout_keep_alive_handler(self) -> None:
        """Do nothing, because `_look` closes idle connections and allows for its own delays."""

    def pause_writing(self) -> None:
        """The client does not read its response."""
        self._stuck = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stuck = None
        super().resume_writing()

    def refuse(self, status: int) -> None:
        """Send the reason after the responses to earlier requests, and close soon; further bytes are dropped."""
        busy = self.cycle is not None and not self.cycle.response_complete
        ours = busy and self.cycle.more_body and not self.cycle.response_started and not self.pipeline
        self._over, self._reading, self._late = True, False, 0
        if not status:
            self.transport.close()
            return
        if busy and not ours:  # the client would take this for the response to an earlier request
            self._late = status
            return
        content = to_json({"detail": TEXTS[status], "request_id": None})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(content)
        self.transport.write(STATUS_LINE[status] + head + content)
        if ours:  # tells the application that no more of the body arrives
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_reading()
        self._wait(LOOK)  # if closed directly with unread bytes, the system would discard the response

    @property
    def waits(self) -> bool:
        """Whether the server waits for the client."""
        return self._reading or self.cycle is None or self.cycle.response_complete or self.cycle.disconnected

    def leave(self) -> None:
        """Close at once, to free a place for another connection."""
        self.connections.discard(self)
        self.transport.close()

    def _pass_on(self) -> None:
        """Pass the read parts of a body on as one piece, because Uvicorn copies all waiting bytes for each piece."""
        if self._parts:
            body, self._parts = b"".join(self._parts), []
            super().on_body(body)

    def _wait(self, seconds: float) -> None:
        self.since, self._patience = self.loop.time(), seconds

    def _look(self, due: float) -> None:
        now = self.loop.time()
        if now - due > LOOK:  # the process was stopped or busy, so waiting bytes are read first
            self.since += now - due
        elif self.transport.is_closing() or self._stuck is not None:
            self._stuck = now if self._stuck is None else self._stuck
            if now - self._stuck > ANSWER_SECONDS:
                self.transport.abort()
                return
        elif now - self.since > self._patience and self.waits:
            if self._reading:
                self.refuse(408)
            else:
                self.transport.close()
        self._watch = self.loop.call_later(LOOK, self._look, now + LOOK)

    def _should_upgrade(self) -> bool:
        """True, so that Uvicorn passes every protocol upgrade to `_decline`."""
        return True

    def _decline(self, rest: bytes) -> None:
        """Parse the request again without its upgrade header, which a server may ignore (RFC 9110, 7.8).

        The parser assumes that such a request has no body. Java's client sends the header with each first request.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            self.refuse(400)
            return
        headers, version = without_upgrade(self.headers), self._parser.get_http_version().encode()
        first = b"%s %s HTTP/%s\r\n" % (method, self.url, version)
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(first + b"".join(b"%s: %s\r\n" % header for header in headers) + b"\r\n" + rest)
