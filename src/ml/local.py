"""An environment of containers on this machine, started by docker or podman."""

import socket
from pathlib import Path

from ml import containers
from ml.containers import LIMITS, PORT, Container
from ml.proxy import Slot

KEYS, SETTINGS = "keys", "settings.env"
DRAIN = 10  # seconds until a container that was asked to end is ended


class Local:
    """Places that are containers named <project>-<env>-<slot>, with one volume for the prediction log.

    `settings.env` in the environment's folder holds SERVING_ variables, `keys` the hashes of API keys; either may be
    absent.
    """

    def __init__(self, project: str, env: str, folder: Path) -> None:
        self._name, self._folder = f"{project}-{env}", folder.resolve()

    def start(self, slot: Slot, image: str) -> str:
        """Start an image in place of whatever was there; where it answers: host:port."""
        self.stop(slot)
        address = f"127.0.0.1:{_free_port()}"  # ours, since docker chooses another at each restart
        flags = [
            "--publish", f"{address}:{PORT}", "--restart", "unless-stopped",
            "--volume", f"{self._name}-logs:/app/logs", *LIMITS, *self._secrets(),
        ]  # fmt: skip
        containers.start(image, f"{self._name}-{slot}", *flags)
        return address

    def stop(self, slot: Slot) -> None:
        """End what runs in a place; nothing there is fine."""
        Container(f"{self._name}-{slot}").finish(DRAIN)

    def runs(self, slot: Slot) -> bool:
        """Whether the process in a place lives."""
        return Container(f"{self._name}-{slot}").lives

    def words(self, slot: Slot) -> str:
        """What it printed last."""
        return "; ".join(Container(f"{self._name}-{slot}").logs().strip().splitlines()[-2:])

    def _secrets(self) -> list[str]:
        settings, keys = self._folder / SETTINGS, self._folder / KEYS
        given = ["--env-file", str(settings)] if settings.exists() else []
        if keys.exists():
            given += ["--volume", f"{keys}:/etc/api/keys:ro", "--env", "SERVING_KEYS_FILE=/etc/api/keys"]
        return given


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
