"""Checks before every route: request ids, API keys, rate and size limits, one log line, error messages."""

import hashlib
import hmac
import itertools
import os
import re
import time
from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml.io.errors import UserError
from ml.io.text import counted
from serving.events import App, Receive, Refused, Scope, Send, respond, say
from serving.exposition import Metrics
from serving.recorder import Asked
from serving.server_settings import Settings, secret_lines

OPEN_PATHS = ("/health/", "/ping", "/metrics", "/docs", "/openapi.json", "/assets/")  # and `/` itself
PATHS = frozenset(
    {"/", "/predict", "/feedback", "/invocations", "/ping", "/model", "/metrics", "/health/live", "/health/ready"}
)
SMALL = 65_536  # bytes of a body that is too small to count
BODIES = 8  # concurrent bodies of the largest size; further requests are refused with 503
DIGEST = re.compile(r"[0-9a-fA-F]{64}")
GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SIMULATED_TIME = b"x-simulated-time"
CLIENTS = 10_000  # clients in memory for the rate limit


def keys(path: Path) -> Iterator[bytes]:
    """The SHA-256 of each accepted key; raises UserError for an invalid line without showing it."""
    found = secret_lines(path)
    for number, line in enumerate(found, 1):
        if not DIGEST.fullmatch(line):
            raise UserError(
                f"{path}: key {number} of {len(found)} is not a SHA-256 of 64 hexadecimal digits: "
                f"{counted(len(line), 'character')}. "
                "`python -m serving --new-key` prints a key and its line."
            )
        yield bytes.fromhex(line)
    if not found:
        raise UserError(
            f"{path} has no key, so no client could send requests. `python -m serving --new-key` prints a line for it."
        )


class Guard:
    """The checks before an application; several applications may share one guard and its counts."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._limit = int(settings.max_body_mb * 1_000_000)
        self._keys = [*keys(settings.keys_file)] if settings.keys_file else None
        self._start, self._numbers = os.urandom(12).hex(), itertools.count()  # of request ids
        self._buckets: dict[Any, tuple[float, float]] = {}
        self._held = 0  # bytes of all bodies that are not small

    def around(self, app: App) -> App:
        """The application behind this guard, as an ASGI middleware."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._answer(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return guarded

    async def _answer(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        started, headers = time.perf_counter(), dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if GIVEN_ID.fullmatch(given) else f"{self._start}{next(self._numbers):08x}"
        scope["by_name"], status = headers, 0

        async def answer(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            self._admit(scope, headers)
            time_of_its_own = self._simulated(headers[SIMULATED_TIME]) if SIMULATED_TIME in headers else ""
            scope["asked"] = Asked(request_id, time_of_its_own)
            await app(scope, self._limited(scope, receive, headers), answer)
        except Refused as refused:
            self._metrics.refused.labels(refused.reason).inc()
            await respond(answer, {"detail": refused.detail, "request_id": request_id}, refused.status, refused.headers)
        except Exception as error:  # noqa: BLE001  (a request must not take the worker along)
            say("error", request_id=request_id, path=scope["path"], error=f"{type(error).__name__}: {error}")
            if not status:
                await respond(
                    answer, {"detail": "the server failed; its log has this request id", "request_id": request_id}, 500
                )
        finally:
            self._held -= scope.pop("held", 0)
            self._note(scope, request_id, status, time.perf_counter() - started)

    def _admit(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        if scope["path"].startswith(OPEN_PATHS) or scope["path"] == "/":
            return
        client: Any = (scope.get("client") or ("",))[0]
        if self._keys is not None:
            given = headers.get(b"x-api-key") or headers.get(b"authorization", b"").removeprefix(b"Bearer ")
            client = hashlib.sha256(given).digest()
            if not any([hmac.compare_digest(client, key) for key in self._keys]):  # noqa: C419  (all are compared)
                raise Refused(
                    401, "key", "Send a valid key in the header X-API-Key.", ((b"www-authenticate", b"Bearer"),)
                )
        if self._settings.rate and not self._token(client):
            raise Refused(
                429, "rate", f"More than {self._settings.rate:g} requests a second.", ((b"retry-after", b"1"),)
            )

    def _simulated(self, given: bytes) -> str:
        """The simulated time for the log lines of this request; raises Refused if it is not allowed or invalid."""
        if not self._settings.simulated_time:
            detail = (
                "This server accepts no simulated time, because its log holds real predictions. "
                "SERVING_SIMULATED_TIME=true"
            )
            raise Refused(400, "simulated time", detail)
        try:
            return datetime.fromisoformat(given.decode()).astimezone(UTC).isoformat(timespec="microseconds")
        except (ValueError, OverflowError):
            detail = "X-Simulated-Time is not a time like 2026-01-31T12:00:00Z."
            raise Refused(400, "simulated time", detail) from None

    def _token(self, client: Any) -> bool:
        now, rate = time.monotonic(), self._settings.rate
        tokens, last = self._buckets.pop(client, (max(rate, 1.0), now))
        tokens = min(max(rate, 1.0), tokens + (now - last) * rate)
        if len(self._buckets) >= CLIENTS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[client] = (tokens - 1 if tokens >= 1 else tokens, now)
        return tokens >= 1

    def _limited(self, scope: Scope, receive: Receive, headers: dict[bytes, bytes]) -> Receive:
        announced = headers.get(b"content-length", b"0")
        size = int(announced) if announced.isdigit() else self._limit + 1
        if size > self._limit:
            raise Refused(413, "size", self._too_large())
        if size <= SMALL and b"content-length" in headers:
            return receive
        scope["held"] = 0

        async def counted() -> MutableMapping[str, Any]:
            message = await receive()
            size = len(message.get("body", b""))
            scope["held"] += size
            self._held += size
            if scope["held"] > self._limit:
                raise Refused(413, "size", self._too_large())
            if self._held > BODIES * self._limit:
                detail = "The server is processing too many large bodies. Try again later."
                raise Refused(503, "busy", detail, ((b"retry-after", b"1"),))
            return message

        return counted

    def _too_large(self) -> str:
        return f"The body is larger than {self._settings.max_body_mb:g} MB. Send fewer rows per request."

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in PATHS else "other"
        self._metrics.request(path, status)(seconds)
        wanted = self._settings.access_log
        if wanted == "all" or (wanted == "errors" and status >= 400):  # noqa: PLR2004
            say(
                "request",
                request_id=request_id,
                method=scope["method"],
                path=path,
                status=status,
                ms=round(seconds * 1e3, 2),
            )
