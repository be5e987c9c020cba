"""An environment of containers on this machine, started by docker or podman."""

import socket
from pathlib import Path

from ml.deployment import containers
from ml.deployment.containers import LIMITS, PORT, Container
from ml.deployment.proxy import Slot
from ml.io import files

SETTINGS, SECRETS = "settings.env", "secrets"
DRAIN = 10  # seconds until a stopping container is killed


class Local:
    """Slots that are containers named <project>-<env>-<slot>, with one volume for the prediction log.

    In the environment's folder, `settings.env` holds SERVING_ variables; the server sees `secrets/` as /etc/api.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder.resolve()

    def start(self, slot: Slot, image: str) -> str:
        """Replace the container by one of this image, and return its address, host:port."""
        self.prepare()
        self.stop(slot)
        address = f"127.0.0.1:{_free_port()}"  # a fixed one, because docker chooses another at each restart
        flags = [
            "--publish", f"{address}:{PORT}", "--restart", "unless-stopped", *LIMITS,
            "--volume", f"{self.name}-logs:/app/logs", "--volume", f"{self.folder / SECRETS}:/etc/api:ro",
            "--env-file", str(self.folder / SETTINGS),
        ]  # fmt: skip
        containers.start(image, f"{self.name}-{slot}", *flags)
        return address

    def stop(self, slot: Slot) -> None:
        """End what runs in a place; nothing there is fine."""
        Container(f"{self.name}-{slot}").finish(DRAIN)

    def runs(self, slot: Slot) -> bool:
        """Whether the process in a place lives."""
        return Container(f"{self.name}-{slot}").lives

    def words(self, slot: Slot) -> str:
        """What it printed last."""
        return "; ".join(Container(f"{self.name}-{slot}").logs().strip().splitlines()[-2:])

    def around(self, image: str) -> None:
        """Do nothing: this environment has no other services."""

    def prepare(self) -> None:
        """Make the files that a container needs in the folder, empty if missing."""
        (self.folder / SECRETS).mkdir(parents=True, exist_ok=True)
        if not (self.folder / SETTINGS).exists():
            files.write_text("", self.folder / SETTINGS)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
