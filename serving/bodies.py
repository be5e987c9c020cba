"""Bodies of requests as checked values: decoded, measured before they are parsed, and large ones away from the loop."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from serving.events import Receive, Refused

TINY, INLINE_BYTES, INLINE_VALUES = 4_096, 65_536, 2_000  # more is parsed by a thread, to keep the event loop free
AT_ONCE = 2  # large requests that are worked on at a time, so that their values fit into memory
BLOCK = 262_144  # bytes that are measured in one step
MARK = b"\xef\xbb\xbf"  # that some programs put before UTF-8
QUOTE, COMMA, LINE, OPENING = b'",\n{'  # an opening bracket is a brace but for one bit
ENCODINGS = "gzip"


class Bodies:
    """Turns bytes into values for all routes of an application, one large body after another."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._thread = ThreadPoolExecutor(1, "bodies")  # parsing holds Python's lock: two would not be faster

    async def answer(
        self, content: bytes, encoding: bytes, parse: Callable[[bytes], Any], then: Callable[[Any], Awaitable[Any]]
    ) -> Any:
        """What `then` makes of what `parse` makes of the content; raises Refused as both do."""
        if not encoding and small(content):
            return await then(parse(content.removeprefix(MARK)))
        async with self._turns:
            loop = asyncio.get_running_loop()
            return await then(await loop.run_in_executor(self._thread, self._parsed, content, encoding, parse))

    def _parsed(self, content: bytes, encoding: bytes, parse: Callable[[bytes], Any]) -> Any:
        return parse(decoded(content, encoding, self._limit).removeprefix(MARK))


def small(content: bytes) -> bool:
    """Whether a body may be parsed at once: to hand it to a thread would cost more."""
    size = len(content)
    return size <= TINY or (size <= INLINE_BYTES and content.count(b",") <= INLINE_VALUES)


def decoded(content: bytes, encoding: bytes, limit: int) -> bytes:
    """The content as it was before it was compressed; raises Refused where that is larger than the limit."""
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
    """Raise Refused when JSON or CSV holds more values than `most`, before any is made.

    Values are counted by what is outside of quotes: commas and, in JSON, opening brackets, in CSV, lines.
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
