"""An environment of src/deploy/compose.yaml, started by `docker compose` or podman-compose."""

import os
import re
import secrets
import shlex
import subprocess
from pathlib import Path
from typing import Any

from ml.deployment import container_engine, containers
from ml.deployment.local import Local
from ml.deployment.proxy import Slot
from ml.io import files
from ml.io.errors import UserError

FILE = Path("src/deploy/compose.yaml")
TROUBLE = re.compile(r"error|fail|denied|cannot|could not|no such|not found|in use|invalid|unable", re.IGNORECASE)
SHOWN = 4  # lines of Compose's output in an error message
# Each start takes the next address: other machines cache the hardware address of an IP address for a while.
HOSTS = range(20, 250)


def command() -> list[str]:
    """The command that starts Compose here: COMPOSE_COMMAND, otherwise that of the container engine."""
    given = shlex.split(os.environ.get("COMPOSE_COMMAND", ""))
    return given or (["podman-compose"] if "podman" in container_engine.engine()[0] else ["docker", "compose"])


class Compose(Local):
    """Slots that are services; `.env` in the environment's folder holds the variables of the file: edit it freely."""

    def __init__(self, name: str, folder: Path, number: int, beside: tuple[str, ...]) -> None:
        super().__init__(name, folder)
        self._number, self._beside = number, beside

    def start(self, slot: Slot, image: str) -> str:
        """Replace the container by one of this image, and return its address, host:port."""
        self.prepare()
        self.stop(slot)
        kept = self._kept()
        last = int(kept.get("LAST_HOST", HOSTS[-1]))
        host = last + 1 if last + 1 in HOSTS else HOSTS[0]
        address = f"{kept['SUBNET']}.{host}"
        self.keep(**{f"{slot.upper()}_IMAGE": image, f"{slot.upper()}_ADDRESS": address, "LAST_HOST": host})
        self._compose("up", "--detach", "--no-deps", slot)
        return f"{address}:{containers.PORT}"

    def start_proxy(self, path: Path, *, again: bool) -> None:  # noqa: ARG002  (it is started anew in any case)
        """Start the service that holds the port."""
        (path.parent / "run").chmod(0o777)
        containers.Container(f"{self.name}-proxy").finish()
        self._compose("up", "--detach", "--no-deps", "proxy")

    def around(self, image: str) -> None:
        """Start the services around the API; those with the API's image use this image."""
        if self._beside:
            self.keep(**self._kept() | {"API_IMAGE": image})
            self._compose("up", "--detach", "--no-deps", *self._beside)

    def keep(self, **values: Any) -> None:
        """Store values of the file's variables, and generate the missing ones."""
        subnet = self._kept().get("SUBNET", f"172.30.{80 + self._number}")
        chosen = {
            "NAME": self.name,
            "FOLDER": self.folder,
            **dict.fromkeys(("API_IMAGE", "BLUE_IMAGE", "GREEN_IMAGE"), "none"),
            "SUBNET": subnet,
            "BLUE_ADDRESS": f"{subnet}.11",
            "GREEN_ADDRESS": f"{subnet}.12",
            "PROMETHEUS_PORT": 9090 + self._number,
            "GRAFANA_PORT": 3000 + self._number,
            "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
            "GRAFANA_PASSWORD": secrets.token_urlsafe(24),
        }
        lines = [f"{name}={value}\n" for name, value in (chosen | self._kept() | values).items()]
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write_text("".join(lines), self.folder / ".env")

    def _kept(self) -> dict[str, str]:
        path = self.folder / ".env"
        lines = files.read_bytes(path).decode().split("\n") if path.exists() else []
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def _compose(self, *arguments: str) -> None:
        where = ["-p", self.name, "--env-file", str(self.folder / ".env"), "-f", str(FILE)]
        done = subprocess.run([*command(), *where, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            call = shlex.join([*command(), *where, *arguments])
            reason = _reason(done.stdout, done.stderr) or f"exit code {done.returncode}"
            raise UserError(f"`{call}` failed: {reason.rstrip('.')}. Fix this and run the command again.")


def _reason(*texts: str) -> str:
    """The lines about the error, otherwise the last ones: Compose reports its steps in the same streams."""
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    return " ".join([line for line in lines if TROUBLE.search(line)][-SHOWN:] or lines[-SHOWN:])
