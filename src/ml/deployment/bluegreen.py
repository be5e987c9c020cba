"""Two slots behind one proxy: `blue` serves while `green` takes the next image, and the reverse."""

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

from ml.deployment.canary import Window, parse
from ml.deployment.proxy import Proxy, Slot, other
from ml.io import client
from ml.io.client import Client
from ml.io.errors import UserError
from ml.io.saved import SavedRecord

START = 60  # seconds to restore the serving image
PATIENCE = 2  # seconds to become ready
DRAIN = 10  # seconds for a slot to answer accepted requests: more than HAProxy waits for a response


class Places(Protocol):
    """Starts and stops images in a slot."""

    def start(self, slot: Slot, image: str) -> str:
        """Start an image instead of the current one in a slot; the address for the proxy: host:port."""

    def stop(self, slot: Slot) -> None:
        """Stop the image in a slot; an empty slot is fine."""

    def runs(self, slot: Slot) -> bool:
        """Whether the process in a slot runs."""

    def words(self, slot: Slot) -> str:
        """The last output of a slot."""

    def around(self, image: str) -> None:
        """Start the other services of the environment, if they need an image together with this one."""


class Live(SavedRecord):
    """live.json: the serving slot of an environment, with its image and address."""

    AGAIN: ClassVar[str] = (
        'Write it again, e.g. {"slot": "blue", "image": "sha256:…", "address": "127.0.0.1:8001"} (`podman ps` or '
        "`docker ps` shows the running containers), or delete it to start with a first deployment."
    )

    slot: Slot
    image: str
    address: str


class BlueGreen:
    """An environment on this machine. `live.json` records which slot serves, and its address."""

    def __init__(self, folder: Path, places: Places, proxy: Proxy) -> None:
        self._file, self._places, self.proxy = folder / "live.json", places, proxy
        self._next: Live | None = None

    def image(self) -> str:
        """The image that serves; empty before the first deployment."""
        live = self._live()
        return live.image if live else ""

    def recover(self) -> None:
        """Restore the serving image and stop everything else that an earlier deployment left."""
        live = self._live()
        if live is None:
            return
        if not self._places.runs(live.slot):  # the machine was restarted, or a person removed it
            with contextlib.suppress(UserError):  # an image that cannot start must not block the next one
                live = live.model_copy(update={"address": self._places.start(live.slot, live.image)})
                live.write(self._file)
                _ready(live.address, START, partial(self._places.runs, live.slot))
        self.proxy.up({live.slot: live.address})
        self._alone(live)
        self._places.around(live.image)

    def start(self, image: str, seconds: float) -> None:
        """Start the next image in parallel to the serving one, without traffic; raises UserError if it is not ready."""
        live = self._live()
        if live is None:
            self.proxy.up({})  # fails before any change if another process holds the port
        slot = other(live.slot if live else None)
        self._next = Live(slot=slot, image=image, address=self._places.start(slot, image))
        _ready(self._next.address, seconds)
        if live:
            self.proxy.join(slot, self._next.address)

    def weigh(self, share: float) -> None:
        """Give the next image this share of requests; the other image keeps a few, to take over on a failure."""
        live = self._live()
        if live:
            self.proxy.split(live.slot, share)

    def read(self) -> tuple[Window | None, Window]:
        """The measurements of the serving image (None if it does not respond) and of the next one.

        Raises UserError if the next one does not respond or is not ready, because it would get no requests.
        """
        coming, live = self._started(), self._live()
        _ready(coming.address, PATIENCE)
        served = None
        if live:
            with contextlib.suppress(UserError):
                served = _window(live.address)
        return served, _window(coming.address)

    def settle(self) -> None:
        """The next image serves alone."""
        self._started().write(self._file)  # after this point, recovery keeps the new image
        self.recover()

    def words(self) -> str:
        """The last output of the next image."""
        return self._places.words(self._next.slot) if self._next else ""

    def abandon(self) -> None:
        """Remove the next image; the serving image serves alone again."""
        if self._next and not self._live():
            self._places.stop(self._next.slot)
        self.recover()

    def _alone(self, live: Live) -> None:
        self.proxy.only(live.slot, live.address, DRAIN)
        self._places.stop(other(live.slot))

    def _live(self) -> Live | None:
        return Live.read(self._file) if self._file.exists() else None

    def _started(self) -> Live:
        if self._next is None:
            raise RuntimeError("no image was started")
        return self._next


def _window(address: str) -> Window:
    return parse(client.metrics(address))


def _ready(address: str, seconds: float, alive: Callable[[], bool] = lambda: True) -> None:
    with Client(address, patience=PATIENCE) as asked:
        asked.ready(seconds, alive)
