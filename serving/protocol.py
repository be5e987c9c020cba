"""The transport of responses, and the implementation of HTTP."""

from asyncio import AbstractEventLoop, Transport
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.connection import Bounded as Http
else:
    try:
        from serving.connection import Bounded as Http
    except ImportError:  # httptools has no wheel for Windows, where Uvicorn's other parser serves without limits
        from uvicorn.protocols.http.h11_impl import H11Protocol as Http


class Together:
    """A transport that joins writes within one iteration of the event loop.

    Uvicorn writes the head of a response and then its body as separate packets. If the network fails between the two, a
    proxy has already forwarded the head and cannot retry.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport, self._loop, self._held = transport, loop, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send these bytes with the held ones; hold them if there are none."""
        if self._held:
            self._transport.write(self._held + data)
            self._held = b""
        else:
            self._held = data
            self._loop.call_soon(self._send)

    def close(self) -> None:
        """Send the held bytes, and close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._held:
            self._transport.write(self._held)
            self._held = b""


class Protocol(Http):
    """HTTP that sends each response in one packet."""

    def connection_made(self, transport: Transport) -> None:
        """Begin to serve a connection."""
        together: Any = Together(transport, self.loop)  # it delegates all other methods
        super().connection_made(together)
