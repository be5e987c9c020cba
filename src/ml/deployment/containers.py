"""Containers: start, stop and output; and the flags with which an image runs."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ml.deployment.container_engine import ask, call, said
from ml.io.errors import UserError

PORT = 8000  # inside
LINES = 4  # of the last output of a container
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges")  # noqa: S108
LIMITS = ("--memory", "512m", "--cpus", "1")


@dataclass(frozen=True)
class Container:
    """A started container, running or not."""

    name: str

    @property
    def address(self) -> str:
        """The address of its port on this machine: host:port; raises UserError if it stopped."""
        done = call("port", self.name, str(PORT))
        if done.returncode or not done.stdout.strip():
            raise UserError(f"it stopped and has no port; it printed: {self.last_words()}")
        return done.stdout.splitlines()[0].replace("0.0.0.0", "127.0.0.1")  # noqa: S104

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return ask("inspect", "--format", "{{.State.Running}}", self.name) == "true"

    @property
    def lives(self) -> bool:
        """Whether it exists and its process runs."""
        return call("inspect", "--format", "{{.State.Running}}", self.name).stdout.strip() == "true"

    @property
    def pid(self) -> int:
        """The id of its process on this machine."""
        return int(ask("inspect", "--format", "{{.State.Pid}}", self.name))

    @property
    def exit_code(self) -> int:
        """The exit code of its process."""
        return int(ask("inspect", "--format", "{{.State.ExitCode}}", self.name))

    def logs(self) -> str:
        """Its output so far."""
        done = call("logs", self.name)
        return done.stdout + done.stderr

    def last_words(self) -> str:
        """The last lines of its output; an error ends with its remedy, and its mistakes are above it."""
        return "; ".join(self.logs().strip().splitlines()[-LINES:]) or "nothing"

    def execute(self, *command: str) -> tuple[int, str]:
        """Exit code and output of a command inside."""
        done = call("exec", self.name, *command)
        return done.returncode, done.stdout + done.stderr

    def start(self) -> None:
        """Start it again."""
        ask("start", self.name)

    def kill(self) -> None:
        """Kill it at once."""
        ask("kill", "--signal", "KILL", self.name)

    def wait(self) -> None:
        """Wait until it has ended."""
        call("wait", self.name)

    def stop(self, seconds: int = 30) -> None:
        """Ask the container to stop, and kill it after some seconds."""
        ask("stop", "--time", str(seconds), self.name)

    def finish(self, seconds: int = 30) -> None:
        """Let the container finish its requests, then remove it; a missing container is no error."""
        call("stop", "--time", str(seconds), self.name)
        self.remove()

    def remove(self) -> None:
        """Stop and remove the container; a missing container is no error."""
        call("rm", "--force", "--volumes", self.name)


def start(image: str, name: str, *flags: str, settings: Mapping[str, str] | None = None) -> Container:
    """Start an image as in production: read-only, without privileges, with its port on a free port of this machine."""
    given = [part for key, value in (settings or {}).items() for part in ("--env", f"{key}={value}")]
    published = () if "--publish" in flags else ("--publish", f"127.0.0.1::{PORT}")
    done = call("run", "--detach", "--name", name, *HARDENED, *published, *given, *flags, image)
    if done.returncode:
        call("rm", "--force", "--volumes", name)
        raise UserError(f"{image} does not start: {said(done).rstrip('.')}. Fix this and run the command again.")
    return Container(name)


@contextmanager
def running(image: str, name: str, *flags: str, settings: Mapping[str, str] | None = None) -> Generator[Container]:
    """A running container that is killed and removed when the block ends."""
    # Podman otherwise asks it to end, and waits ten seconds for a server that does not.
    container = start(image, name, "--stop-timeout", "0", *flags, settings=settings)
    try:
        yield container
    finally:
        container.remove()


def forget(volume: str) -> None:
    """Delete a volume; a missing volume is no error."""
    call("volume", "rm", "--force", volume)
