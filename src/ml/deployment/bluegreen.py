"""Two places behind one proxy: `blue` serves while `green` takes the next image, and the other way round."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ml.deployment.canary import Window, parse
from ml.deployment.proxy import Proxy, Slot, other
from ml.io import client, files
from ml.io.client import Client
from ml.io.errors import UserError

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


class BlueGreen:
    """An environment on this machine. `live.json` is the truth: which place serves, at which address."""

    def __init__(self, folder: Path, places: Places, proxy: Proxy) -> None:
        self._file, self._places, self.proxy = folder / "live.json", places, proxy
        self._next: dict[str, Any] = {}

    def image(self) -> str:
        """The image that serves; empty before the first deployment."""
        return self._live().get("image", "")

    def recover(self) -> None:
        """Bring back what serves and end everything else, whatever an earlier deployment left."""
        live = self._live()
        if not live:
            return
        if not self._places.runs(live["slot"]):  # the machine was started again, or somebody removed it
            with contextlib.suppress(UserError):  # one that cannot start must not keep the next one out
                live["address"] = self._places.start(live["slot"], live["image"])
                files.write_json(live, self._file)
                _ready(live["address"], START, lambda: self._places.runs(live["slot"]))
        self.proxy.up({live["slot"]: live["address"]})
        self._alone(live)
        self._places.around(live["image"])

    def start(self, image: str, seconds: float) -> None:
        """Start the next image beside the one that serves, without traffic; raises UserError when it is not ready."""
        live = self._live()
        if not live:
            self.proxy.up({})  # fails before anything is touched where another one holds the port
        slot = other(live.get("slot"))
        self._next = {"slot": slot, "image": image, "address": self._places.start(slot, image)}
        _ready(self._next["address"], seconds)
        if live:
            self.proxy.join(slot, self._next["address"])

    def weigh(self, share: float) -> None:
        """Give the next image this share of requests; the other keeps a few, to take over when it dies."""
        live = self._live()
        if live:
            self.proxy.split(live["slot"], share)

    def read(self) -> tuple[Window | None, Window]:
        """What the serving image did so far, None where it gives no answer, and what the next one did.

        Raises UserError when the next one gives no answer, or is not ready: it would get no requests.
        """
        _ready(self._next["address"], PATIENCE)
        served = None
        with contextlib.suppress(UserError):
            served = _window(self._live()["address"])
        return served, _window(self._next["address"])

    def settle(self) -> None:
        """The next image serves alone."""
        files.write_json(self._next, self._file)  # from here on a crash goes forward, not back
        self.recover()

    def words(self) -> str:
        """What the next image printed last."""
        return self._places.words(self._next["slot"]) if self._next else ""

    def abandon(self) -> None:
        """The serving image serves alone again; the next one is gone."""
        if self._next and not self._live():
            self._places.stop(self._next["slot"])
        self.recover()

    def _alone(self, live: dict[str, Any]) -> None:
        self.proxy.only(live["slot"], live["address"], DRAIN)
        self._places.stop(other(live["slot"]))

    def _live(self) -> dict[str, Any]:
        try:
            live = json.loads(files.read_bytes(self._file)) if self._file.exists() else {}
            return live if not live else {name: live[name] for name in ("slot", "image", "address")}
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{self._file} is damaged: it says which place serves, which image and where. Write it again, e.g. "
                '{"slot": "blue", "image": "sha256:…", "address": "127.0.0.1:8001"} (`podman ps` or `docker ps` shows '
                "what runs), or delete it to deploy as for the first time."
            ) from None


def _window(address: str) -> Window:
    return parse(client.metrics(address))


def _ready(address: str, seconds: float, alive: Callable[[], bool] = lambda: True) -> None:
    with Client(address, patience=PATIENCE) as asked:
        asked.ready(seconds, alive)
