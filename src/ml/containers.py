"""The only module that talks to a container engine: docker or podman, whichever is there."""

import shutil
import subprocess

from ml.errors import UserError

DIRTY = "-dirty"


def engine() -> str:
    """The name of the engine on this machine; raises UserError when there is none."""
    for name in ("podman", "docker"):
        if shutil.which(name):
            return name
    raise UserError("neither podman nor docker is installed. Install one, then run `make image` again.")


def build(tag: str, arguments: dict[str, str], epoch: int) -> None:
    """Build the Dockerfile under `tag`, its layers dated `epoch` (seconds); raises UserError when it fails."""
    name = engine()
    dated = ["--timestamp", str(epoch), "--format", "docker"] if name == "podman" else []
    given = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
    done = subprocess.run([name, "build", *dated, *given, "-t", tag, "."], check=False)
    if done.returncode:
        raise UserError(f"{name} could not build the image (its reason stands above). Mend it and repeat `make image`.")
