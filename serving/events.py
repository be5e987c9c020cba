"""Shared parts of the server: a refusal, a JSON response, and a line on stdout."""

import json
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from pydantic_core import to_json

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Refused(Exception):  # noqa: N818 - it is an answer, not a failure
    """A request that is answered with an error; the metrics count it by `reason`."""

    def __init__(self, status: int, reason: str, detail: Any, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(reason)
        self.status, self.reason, self.detail, self.headers = status, reason, detail, headers


async def respond(send: Send, content: Any, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """Send JSON."""
    data = content if isinstance(content, bytes) else to_json(content, inf_nan_mode="null")
    start = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": data})


def say(event: str, **fields: Any) -> None:
    """One JSON line on stdout, without data that a client sent."""
    sys.stdout.write(
        json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **fields}) + "\n"
    )
    sys.stdout.flush()
