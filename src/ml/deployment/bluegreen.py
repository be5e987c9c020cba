"""Two places behind one proxy: `blue` serves while `green` takes the next image, and the other way round."""

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

START = 60  # seconds to bring back what served
PATIENCE = 2  # seconds to say that it is ready
DRAIN = 10  # seconds a place has to answer what it took: more than HAProxy waits for an answer


class Places(Protocol):
    """How an image is started and stopped in a place."""

    def start(self, slot: Slot, image: str) -> str:
        """Start an image in place of whatever was there; where the proxy and we reach it: host:port."""

    def stop(self, slot: Slot) -> None:
        """End what runs in a place; nothing there is fine."""

    def runs(self, slot: Slot) -> bool:
        """Whether the process in a place lives."""

    def words(self, slot: Slot) -> str:
        """What it printed last."""

    def around(self, image: str) -> None:
        """What else belongs to the environment runs, where it needs an image with this one."""


class Live(SavedRecord):
    """live.json: which place of an environment serves, which image and where."""

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
        """Bring back what serves and end everything else, whatever an earlier deployment left."""
        live = self._live()
        if live is None:
            return
        if not self._places.runs(live.slot):  # the machine was restarted, or a person removed it
            with contextlib.suppress(UserError):  # one that cannot start must not keep the next one out
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
            self.proxy.up({})  # fails before anything is touched where another one holds the port
        slot = other(live.slot if live else None)
        self._next = Live(slot=slot, image=image, address=self._places.start(slot, image))
        _ready(self._next.address, seconds)
        if live:
            self.proxy.join(slot, self._next.address)

    def weigh(self, share: float) -> None:
        """Give the next image this share of requests; the other keeps a few, to take over when it dies."""
        live = self._live()
        if live:
            self.proxy.split(live.slot, share)

    def read(self) -> tuple[Window | None, Window]:
        """The measurements of the serving image (None if it does not respond) and of the next one.

        Raises UserError when the next one gives no answer, or is not ready: it would get no requests.
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
        self._started().write(self._file)  # from here on a crash goes forward, not back
        self.recover()

    def words(self) -> str:
        """What the next image printed last."""
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
