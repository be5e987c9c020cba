"""The only module that runs a container engine: docker or podman, whichever is installed.

CONTAINER_ENGINE names another, or the same one with flags (`podman --root /elsewhere`).
"""

import os
import shlex
import shutil
import subprocess
from functools import cache

from ml.io.errors import UserError


def engine() -> list[str]:
    """The command of the container engine on this machine; raises UserError if there is none."""
    chosen = shlex.split(os.environ.get("CONTAINER_ENGINE", "")) or [
        name for name in ("docker", "podman") if shutil.which(name)
    ]
    if chosen == ["docker", "podman"]:
        chosen = ["docker" if answers("docker", os.environ.get("DOCKER_HOST")) else "podman"]
    if not chosen or not shutil.which(chosen[0]):
        wanted = f"{chosen[0]} (CONTAINER_ENGINE) is" if chosen else "docker or podman are"
        raise UserError(f"{wanted} not installed. Install podman (apt-get install podman) or docker.")
    return chosen


@cache
def answers(command: str, host: str | None) -> bool:  # noqa: ARG001  (another host is another answer)
    """Whether the service behind a command runs: docker is often installed without a running daemon."""
    done = subprocess.run([command, "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False)
    return done.returncode == 0


def is_podman() -> bool:
    """Whether the engine is podman."""
    return call("--version").stdout.startswith("podman")  # `docker` may be podman under another name


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The result of one command of the engine, whatever its exit code."""
    return subprocess.run([*engine(), *arguments], capture_output=True, text=True, check=False)


def ask(*arguments: str) -> str:
    """The output of a command of the engine; raises UserError if it fails."""
    done = call(*arguments)
    if done.returncode:
        raise UserError(
            f"{engine()[0]} {arguments[0]} failed: {said(done).rstrip('.')}. Fix this and run the command again; "
            f"`{engine()[0]} info` shows whether the engine works."
        )
    return done.stdout.strip()


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The last words of a failed command."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return " ".join(lines[-2:]) or f"exit code {done.returncode}"
