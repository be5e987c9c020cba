"""Fast routes, and the application that handles them before FastAPI's layers."""

from collections.abc import Callable, MutableMapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic_core import to_json

from serving.bodies import MARK, TINY, Bodies, read
from serving.events import App, Receive, Refused, Scope, Send, respond

JSON, ENCODING = b"application/json", b"content-encoding"


class FastRoute(APIRoute):
    """Reads bytes, validates them as the type of the endpoint's `body`, and serializes its response with pydantic.

    FastAPI's own handler is half the cost of a small request; the OpenAPI document is the same. `parse` may be
    replaced by another function from bytes to a value of that type.
    """

    bodies: Bodies

    def __init__(self, path: str, endpoint: Any, **kwargs: Any) -> None:
        super().__init__(path, endpoint, **kwargs)
        self.parse: Callable[[bytes], Any] = TypeAdapter(endpoint.__annotations__["body"]).validate_json

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":
            raise Refused(405, "method", "Send a POST.", ((b"allow", b"POST"),))
        headers = scope["by_name"]
        kind = headers.get(b"content-type", b"")
        if kind != JSON and kind.partition(b";")[0].strip().lower() != JSON:
            raise Refused(415, "content type", "Send the header Content-Type: application/json.")
        content, request = await read(receive), Request(scope)
        if len(content) <= TINY and ENCODING not in headers:  # the same as `answer`, but faster
            answer = await self.endpoint(request, self.parse(content.removeprefix(MARK)))
        else:
            answer = await self.bodies.answer(
                content, headers.get(ENCODING, b""), self.parse, lambda body: self.endpoint(request, body)
            )
        await respond(send, to_json(answer))


class Application(FastAPI):
    """FastAPI whose fast routes are selected by their path only.

    FastAPI's routing, built-in middlewares and telemetry cost more than scoring a row; all other routes use them.
    Middlewares that were added to the application apply to all routes.
    """

    bodies: Bodies
    _fast: dict[str, App] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._fast is None:  # at the first request, as in Starlette: later no middleware is added
            fast = [route for route in self.router.routes if isinstance(route, FastRoute)]
            for route in fast:
                route.bodies = self.bodies
            self._fast = {route.path: self._behind_middlewares(route.handle) for route in fast}
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        answer = self._fast.get(scope["path"]) if scope["type"] == "http" else None
        await (answer or super().__call__)(scope, receive, send)

    def _behind_middlewares(self, handle: App) -> App:
        for kind, arguments, named in reversed(self.user_middleware):
            handle = kind(handle, *arguments, **named)
        return handle


def _without_body(send: Send) -> Send:
    """The response to HEAD: that to GET without its body."""

    async def head(message: MutableMapping[str, Any]) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return head
