"""Routes that cost little, and the application that answers them ahead of FastAPI's layers."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic_core import to_json

from serving.guard import App, Receive, Refused, Scope, Send, respond

JSON = b"application/json"


class FastRoute(APIRoute):
    """Reads bytes, validates them as the type of the endpoint's `body`, and writes its answer with pydantic.

    FastAPI's own handler is half the cost of a small request; the OpenAPI document is the same.
    """

    def __init__(self, path: str, endpoint: Any, **kwargs: Any) -> None:
        super().__init__(path, endpoint, **kwargs)
        self._adapter = TypeAdapter(endpoint.__annotations__["body"])

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":
            raise Refused(405, "method", "Send a POST.", ((b"allow", b"POST"),))
        kind = next((v for k, v in scope["headers"] if k == b"content-type"), b"")
        if kind != JSON and kind.partition(b";")[0].strip().lower() != JSON:
            raise Refused(415, "content type", "Send the header Content-Type: application/json.")
        content = await read(receive)
        await respond(send, to_json(await self.endpoint(Request(scope), self._adapter.validate_json(content))))


class Application(FastAPI):
    """FastAPI whose fast routes are found by their path alone.

    FastAPI's routing, own middlewares and telemetry cost more than the scores of a row; every other route goes
    through them. The middlewares that were added to the application stand before all routes.
    """

    _fast: dict[str, App] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._fast is None:  # at the first request, as Starlette does: no middleware is added any more
            fast = [route for route in self.router.routes if isinstance(route, FastRoute)]
            self._fast = {route.path: self._behind_middlewares(route.handle) for route in fast}
        answer = self._fast.get(scope["path"]) if scope["type"] == "http" else None
        await (answer or super().__call__)(scope, receive, send)

    def _behind_middlewares(self, handle: App) -> App:
        for kind, arguments, named in reversed(self.user_middleware):
            handle = kind(handle, *arguments, **named)
        return handle


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
    raise Refused(400, "gone", "The body ended early.")
