"""How answers go onto the wire, and which implementation of HTTP serves."""

from asyncio import AbstractEventLoop, Transport
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.connection import Bounded as Http
else:
    try:
        from serving.connection import Bounded as Http
    except ImportError:  # httptools has no wheel for Windows: there, Uvicorn's other one serves without bounds
        from uvicorn.protocols.http.h11_impl import H11Protocol as Http


class Together:
    """A transport that holds what is written until more is, or the turn of the event loop ends.

    Uvicorn writes the head of an answer and then its body, each a packet. Where the network is cut between the two, a
    proxy has passed on the head and can ask nobody else.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport, self._loop, self._held = transport, loop, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send these bytes with those that are held; hold them where there are none."""
        if self._held:
            self._transport.write(self._held + data)
            self._held = b""
        else:
            self._held = data
            self._loop.call_soon(self._send)

    def close(self) -> None:
        """Send what is held, and close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._held:
            self._transport.write(self._held)
            self._held = b""


class Protocol(Http):
    """HTTP with each answer in one piece."""

    def connection_made(self, transport: Transport) -> None:
        """Begin to serve a connection."""
        together: Any = Together(transport, self.loop)  # it passes on all that it does not do itself
        super().connection_made(together)
