"""The only module that talks to a container engine: docker or podman, whichever is there.

CONTAINER_ENGINE names another, or the same one with flags (`podman --root /elsewhere`); CONTAINER_BUILD_FLAGS are added
to every build, for networks that need a proxy's certificate.
"""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ml.io.errors import UserError

PORT = 8000  # inside
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges")  # noqa: S108
LIMITS = ("--memory", "512m", "--cpus", "1")


@dataclass(frozen=True)
class Container:
    """A container that was started, whether it still runs or not."""

    name: str

    @property
    def address(self) -> str:
        """Where this machine reaches its port: host:port; raises UserError when it ended, for then it has none."""
        done = _call("port", self.name, str(PORT))
        if done.returncode or not done.stdout.strip():
            raise UserError(f"it stopped and has no port; it printed: {self.last_words()}")
        return done.stdout.splitlines()[0].replace("0.0.0.0", "127.0.0.1")  # noqa: S104

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return _ask("inspect", "--format", "{{.State.Running}}", self.name) == "true"

    @property
    def lives(self) -> bool:
        """Whether it is there and its process runs."""
        return _call("inspect", "--format", "{{.State.Running}}", self.name).stdout.strip() == "true"

    @property
    def exit_code(self) -> int:
        """What its process ended with."""
        return int(_ask("inspect", "--format", "{{.State.ExitCode}}", self.name))

    def logs(self) -> str:
        """What it printed so far."""
        done = _call("logs", self.name)
        return done.stdout + done.stderr

    def last_words(self) -> str:
        """The last line that it printed."""
        return (self.logs().strip().splitlines() or ["nothing"])[-1]

    def execute(self, *command: str) -> tuple[int, str]:
        """Exit code and output of a command inside."""
        done = _call("exec", self.name, *command)
        return done.returncode, done.stdout + done.stderr

    def start(self) -> None:
        """Start it again."""
        _ask("start", self.name)

    def kill(self) -> None:
        """End it at once."""
        _ask("kill", "--signal", "KILL", self.name)

    def wait(self) -> None:
        """Return once it has ended."""
        _call("wait", self.name)

    def stop(self, seconds: int = 30) -> None:
        """Ask the container to stop, and kill it after some seconds."""
        _ask("stop", "--time", str(seconds), self.name)

    def finish(self, seconds: int = 30) -> None:
        """Let the container finish its requests, then remove it; a missing container is no error."""
        _call("stop", "--time", str(seconds), self.name)
        self.remove()

    def remove(self) -> None:
        """Stop and remove the container; a missing container is no error."""
        _call("rm", "--force", "--volumes", self.name)


def engine() -> list[str]:
    """The command of the container engine on this machine; raises UserError if there is none."""
    chosen = shlex.split(os.environ.get("CONTAINER_ENGINE", "")) or [
        name for name in ("docker", "podman") if shutil.which(name)
    ]
    if chosen == ["docker", "podman"]:
        chosen = ["docker" if _answers("docker", os.environ.get("DOCKER_HOST")) else "podman"]
    if not chosen or not shutil.which(chosen[0]):
        wanted = f"{chosen[0]} (CONTAINER_ENGINE) is" if chosen else "docker or podman are"
        raise UserError(f"{wanted} not installed. Install podman (apt-get install podman) or docker.")
    return chosen


@cache
def _answers(command: str, host: str | None) -> bool:  # noqa: ARG001  (another host is another answer)
    """Whether the service behind a command runs: docker is often installed where its daemon is not."""
    done = subprocess.run([command, "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False)
    return done.returncode == 0


def registry() -> str:
    """What comes before an image's name: `ghcr.io/owner/` where IMAGE_REGISTRY names one, else nothing."""
    given = os.environ.get("IMAGE_REGISTRY", "").strip("/").lower()
    return f"{given}/" if given else ""


def build(tag: str, arguments: Mapping[str, str], epoch: int) -> None:
    """Build the Dockerfile under `tag`, its files dated `epoch` (seconds); raises UserError when it fails."""
    command = engine()
    dated = ["--timestamp", str(epoch), "--format", "docker"] if _is_podman() else []
    given = {**arguments, "SOURCE_DATE_EPOCH": str(epoch)}
    pairs = [part for key, value in given.items() for part in ("--build-arg", f"{key}={value}")]
    more = shlex.split(os.environ.get("CONTAINER_BUILD_FLAGS", ""))
    # Docker otherwise adds a record with the time of the build, and one content gets many digests.
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch), "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    done = subprocess.run([*command, "build", *dated, *pairs, *more, "-t", tag, "."], check=False, env=environment)
    if done.returncode:
        raise UserError(
            f"{command[0]} could not build the image; the reason is printed above. Fix it, then run `make image`."
        )


def inspect(image: str) -> dict[str, Any]:
    """What the engine knows of an image that is here; raises UserError when it is not."""
    done = _call("image", "inspect", image)
    if done.returncode:
        raise UserError(f"image {image} is not on this machine. Build it with `make image`, or pull it.")
    return json.loads(done.stdout)[0]


def image_id(image: str) -> str:
    """The engine's name for exactly this image, `sha256:…`; two builds of one content can have two."""
    return f"sha256:{inspect(image)['Id'].removeprefix('sha256:')}"


def push(image: str) -> str:
    """Send an image to its registry; the address with the digest that the registry knows it by: `name@sha256:…`."""
    command, name = engine(), image.rpartition(":")[0]
    flags = shlex.split(os.environ.get("CONTAINER_PUSH_FLAGS", ""))
    with tempfile.TemporaryDirectory() as folder:
        # Podman compresses on the way, and `inspect` keeps on naming the digest from before.
        told = Path(folder) / "digest"
        asked = ["--digestfile", str(told)] if _is_podman() else []
        if subprocess.run([*command, "push", *asked, *flags, image], check=False).returncode:
            raise UserError(
                f"{image} could not be pushed; the reason is printed above. Check the login: `{command[0]} login`"
            )
        if asked:
            return f"{name}@{told.read_text(encoding='utf-8').strip()}"
    return next(found for found in inspect(image)["RepoDigests"] if found.startswith(f"{name}@"))


def save(image: str, path: Path) -> None:
    """Write an image to a file that other tools read without an engine."""
    _ask("save", "--output", str(path), image)


def pull(image: str) -> None:
    """Pull an image unless it is on this machine; raises UserError if this fails."""
    if _call("image", "inspect", image).returncode == 0:
        return
    done = _call("pull", "--quiet", *shlex.split(os.environ.get("CONTAINER_PULL_FLAGS", "")), image)
    if done.returncode:
        raise UserError(f"image {image} is neither on this machine nor in its registry: {_said(done)}")


def fetch(image: str) -> tuple[dict[str, Any], str] | None:
    """What a registry holds under a tag, fetched, and its address by digest; None when there is nothing to be had."""
    flags = shlex.split(os.environ.get("CONTAINER_PULL_FLAGS", ""))

    def pulled(name: str) -> bool:
        return _call("pull", "--quiet", *flags, name).returncode == 0

    if not pulled(image):
        return None
    found, name = inspect(image), image.rpartition(":")[0]
    known = [digest for digest in found["RepoDigests"] if digest.startswith(f"{name}@")]
    # Podman keeps the digest from before it compressed an image on the way, which the registry does not know.
    digest = next((digest for digest in known if len(known) == 1 or pulled(digest)), None)
    return (found, digest) if digest else None


def start(image: str, name: str, *flags: str, settings: Mapping[str, str] | None = None) -> Container:
    """Start an image the way it runs in production: read-only, without privileges, its port on a free one of ours."""
    given = [part for key, value in (settings or {}).items() for part in ("--env", f"{key}={value}")]
    published = () if "--publish" in flags else ("--publish", f"127.0.0.1::{PORT}")
    done = _call("run", "--detach", "--name", name, *HARDENED, *published, *given, *flags, image)
    if done.returncode:
        _call("rm", "--force", "--volumes", name)
        raise UserError(f"{image} does not start: {_said(done)}")
    return Container(name)


@contextmanager
def running(image: str, name: str, *flags: str, settings: Mapping[str, str] | None = None) -> Generator[Container]:
    """A running container that is removed at the end of the block."""
    container = start(image, name, *flags, settings=settings)
    try:
        yield container
    finally:
        container.remove()


def forget(volume: str) -> None:
    """Delete a volume; a missing volume is no error."""
    _call("volume", "rm", "--force", volume)


def read(image: str, path: str) -> bytes:
    """A file of an image; raises UserError when it holds none of that name."""
    return output(image, "cat", path)


def output(image: str, *command: str) -> bytes:
    """What a command inside prints, run without network; raises UserError when it fails."""
    done = subprocess.run(
        [*engine(), "run", "--rm", "--network", "none", "--entrypoint", command[0], image, *command[1:]],
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it says nothing"]
        raise UserError(f"image {image} was not built by `make image`, or is broken: {last[0]}")
    return done.stdout


def _is_podman() -> bool:
    return _call("--version").stdout.startswith("podman")  # `docker` may be podman under another name


def _call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*engine(), *arguments], capture_output=True, text=True, check=False)


def _ask(*arguments: str) -> str:
    done = _call(*arguments)
    if done.returncode:
        raise UserError(f"{engine()[0]} {arguments[0]} failed: {_said(done)}")
    return done.stdout.strip()


def _said(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return " ".join(lines[-2:]) or f"exit code {done.returncode}"
