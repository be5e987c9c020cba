"""One client's connection with limits on bytes, time and the number of connections."""

from asyncio import Transport
from typing import Any

import httptools
from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_BYTES = 32_768  # of request line and headers together; also of trailers, and of what a chunk's head may add
HEADERS = 100
CHUNKS = 20_000  # pieces of a body: each costs a call, however small it is
HEAD_SECONDS = 10  # from the first byte of a request to the end of its headers
REQUEST_SECONDS = 30  # from the first byte of a request to its last
ANSWER_SECONDS = 30  # for a client to take what was sent, before it is cut off
AHEAD = 32  # requests that may be sent before the first of them is answered
ROOM = 20  # one connection of so many is closed where there are too many
LOOK = 1.0  # seconds between two looks at a connection; a limit is kept to within this
TEXTS = {
    400: "This is not an HTTP/1.1 request.",
    408: f"The request did not arrive in time: {HEAD_SECONDS} s for its headers, {REQUEST_SECONDS} s for all of it.",
    413: f"The body comes in more than {CHUNKS:,} chunks. Send larger ones.",
    431: f"Request line and headers are larger than {HEAD_BYTES:,} bytes, or more than {HEADERS} headers.",
}
HOP = (b"connection", b"upgrade", b"http2-settings")


class _TooLargeError(Exception):
    """Raised through the parser, which stops."""

    status = 431


class _TooManyError(_TooLargeError):
    status = 413


class Bounded(HttpToolsProtocol):
    """Uvicorn's HTTP protocol that refuses large or slow requests, and ignores protocol upgrades."""

    _got = 0  # bytes in one piece
    _heads = 0  # bytes since a request began, or since its last piece of body: headers, trailers, heads of chunks
    _chunks = 0  # of the body so far
    _reading = False  # a request has begun and is not complete
    _over = False  # refused; what still comes is dropped
    _stuck: float | None = None  # since when the client does not take its answer
    _watch: Any = None

    @property
    def _parser(self) -> Any:
        """Uvicorn's parser, which is there as long as the connection."""
        return self.parser

    def connection_made(self, transport: Transport) -> None:
        """Begin to serve a connection; where there are too many, those that have waited longest make room."""
        super().connection_made(transport)
        self._parts: list[bytes] = []  # of a body, in the piece of data that is read now
        self._wait(self.timeout_keep_alive)
        self._watch = self.loop.call_later(LOOK, self._look, self.since + LOOK)
        if self.limit_concurrency and len(self.connections) >= self.limit_concurrency:
            others = (c for c in self.connections if isinstance(c, Bounded) and c is not self)
            waiting = sorted((c for c in others if c.waits), key=lambda c: c.since)
            for one in waiting[: max(1, self.limit_concurrency // ROOM)]:  # several, since to look costs a millisecond
                one.leave()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
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
            self.refuse(error.__context__.status if isinstance(error.__context__, _TooLargeError) else 400)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._reading, self._heads, self._chunks = True, 0, 0
        self.since, self._patience = self.loop.time(), HEAD_SECONDS

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one trailer after the body."""
        if len(self.headers) >= HEADERS:
            raise _TooLargeError
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The request can be answered; its body may still be on its way."""
        if self._got > HEAD_BYTES and len(self.url) + sum(len(k) + len(v) + 4 for k, v in self.headers) > HEAD_BYTES:
            raise _TooLargeError
        self._patience = REQUEST_SECONDS
        super().on_headers_complete()
        if self.pipeline and len(self.pipeline) > AHEAD:
            raise _TooLargeError

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._heads = 0
        self._chunks += 1
        if self._chunks > CHUNKS:
            raise _TooManyError
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """The request is here as a whole."""
        self._reading, self._heads = False, 0
        self._pass_on()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is sent; the client may ask again."""
        super().on_response_complete()
        if not self._reading:
            self.since, self._patience = self.loop.time(), self.timeout_keep_alive

    def timeout_keep_alive_handler(self) -> None:
        """Do nothing: `_look` ends idle connections, and knows when it is late itself."""

    def pause_writing(self) -> None:
        """The client does not take its answer."""
        self._stuck = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client goes on reading."""
        self._stuck = None
        super().resume_writing()

    def refuse(self, status: int) -> None:
        """Say why if the client can tell what it is about, and close soon; what still comes is dropped."""
        busy = self.cycle is not None and not self.cycle.response_complete
        ours = busy and self.cycle.more_body and not self.cycle.response_started and not self.pipeline
        self._over, self._reading = True, False
        if busy and not ours:  # the answer to an earlier request is due first: this one would pass for it
            self.transport.close()
            return
        content = to_json({"detail": TEXTS[status], "request_id": None})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(content)
        self.transport.write(STATUS_LINE[status] + head + content)
        if ours:  # whoever waits for the rest of the body learns that there is none
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_reading()
        self._wait(LOOK)  # closed at once, the system would take back the answer for the bytes that nobody read

    @property
    def waits(self) -> bool:
        """Whether it is the client's turn."""
        return self._reading or self.cycle is None or self.cycle.response_complete or self.cycle.disconnected

    def leave(self) -> None:
        """Close at once, for another one."""
        self.connections.discard(self)
        self.transport.close()

    def _pass_on(self) -> None:
        """Hand on what was read of a body as one piece: with each piece Uvicorn copies all that waits."""
        if self._parts:
            body, self._parts = b"".join(self._parts), []
            super().on_body(body)

    def _wait(self, seconds: float) -> None:
        self.since, self._patience = self.loop.time(), seconds

    def _look(self, due: float) -> None:
        now = self.loop.time()
        if now - due > LOOK:  # the process was stopped or busy: what came meanwhile is read first
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
        """True, so that Uvicorn leaves every offer of another protocol to `_decline`."""
        return True

    def _decline(self, rest: bytes) -> None:
        """Read the request again without its offer to change the protocol: we need not accept it (RFC 9110, 7.8).

        The parser takes such a request to have no body. Java's client makes the offer with each first request.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            self.refuse(400)
            return
        words = [word.strip() for name, value in self.headers if name == b"connection" for word in value.split(b",")]
        kept = [word for word in words if word.lower() not in HOP]
        headers = [(name, value) for name, value in self.headers if name not in HOP]
        if kept:
            headers.append((b"connection", b", ".join(kept)))
        first = b"%s %s HTTP/%s\r\n" % (method, self.url, self._parser.get_http_version().encode())
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(first + b"".join(b"%s: %s\r\n" % header for header in headers) + b"\r\n" + rest)
