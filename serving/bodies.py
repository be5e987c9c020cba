"""Bodies of requests as checked values: decoded, counted before parsing, and parsed in a thread if they are large."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from serving.events import Receive, Refused

# Larger bodies are parsed by a thread, to keep the event loop free.
TINY, INLINE_BYTES, INLINE_VALUES = 4_096, 65_536, 2_000
AT_ONCE = 2  # concurrent large requests, so that their values fit into memory
BLOCK = 262_144  # bytes that are counted in one step
MARK = b"\xef\xbb\xbf"  # byte order mark that some programs write before UTF-8
QUOTE, COMMA, LINE, OPENING = b'",\n{'  # [ and { differ in one bit
ENCODINGS = "gzip"


class Bodies:
    """Parses bodies for all routes of an application, large bodies one after another."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._turns = asyncio.Semaphore(AT_ONCE)
        # Parsing holds Python's global lock, so a second thread would not help.
        self._thread = ThreadPoolExecutor(1, "bodies")

    async def answer(
        self, content: bytes, encoding: bytes, parse: Callable[[bytes], Any], then: Callable[[Any], Awaitable[Any]]
    ) -> Any:
        """The result of `then(parse(content))`; raises Refused if one of them does."""
        if not encoding and small(content):
            return await then(parse(content.removeprefix(MARK)))
        async with self._turns:
            loop = asyncio.get_running_loop()
            return await then(await loop.run_in_executor(self._thread, self._parsed, content, encoding, parse))

    def _parsed(self, content: bytes, encoding: bytes, parse: Callable[[bytes], Any]) -> Any:
        return parse(decoded(content, encoding, self._limit).removeprefix(MARK))


def small(content: bytes) -> bool:
    """Whether a body is small enough to parse directly, because a thread would cost more."""
    size = len(content)
    return size <= TINY or (size <= INLINE_BYTES and content.count(b",") <= INLINE_VALUES)


def decoded(content: bytes, encoding: bytes, limit: int) -> bytes:
    """The decompressed content; raises Refused if it exceeds the limit."""
    name = encoding.strip().lower()
    if name in {b"", b"identity"}:
        return content
    if name not in {b"gzip", b"x-gzip"}:
        shown = name[:40].decode("latin-1")
        detail = (
            f"Content-Encoding is `{shown}`; the server decodes only {ENCODINGS}. Send the body "
            "without another encoding."
        )
        raise Refused(415, "content encoding", detail, ((b"accept-encoding", ENCODINGS.encode()),))
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        found = unpacker.decompress(content, limit + 1)
    except zlib.error as error:
        raise Refused(400, "content encoding", f"The body is not gzip: {error}.") from None
    if len(found) > limit:
        raise Refused(413, "size", f"The body is larger than {limit / 1e6:g} MB once decoded. Send fewer rows.")
    if not unpacker.eof or unpacker.unused_data:
        raise Refused(400, "content encoding", "The body is not a complete gzip stream.")
    return found


def measured(content: bytes, most: int, what: str, *, json: bool = True) -> None:
    """Raise Refused if JSON or CSV holds more values than `most`, before parsing.

    Values are counted by characters outside of quotes: commas and, in JSON, opening brackets, in CSV, lines.
    """
    if len(content) <= most:
        return
    plain = content.replace(b"\\\\", b"__").replace(b'\\"', b"__") if json and b"\\" in content else content
    count, inside = 0, False
    for start in range(0, len(plain), BLOCK):
        letters = np.frombuffer(plain, np.uint8, min(BLOCK, len(plain) - start), start)
        quoted = np.logical_xor.accumulate(letters == QUOTE) ^ inside
        inside = bool(quoted[-1])
        marks = (letters == COMMA) | ((letters | 32) == OPENING if json else letters == LINE)
        count += int(np.count_nonzero(marks & ~quoted))
        if count > most:
            raise Refused(422, "contract", f"The body has more values than {what}. Send fewer rows per request.")


async def read(receive: Receive) -> bytes:
    """The whole body of a request."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return message.get("body", b"")
    parts = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    raise Refused(400, "gone", "The body is incomplete.")
