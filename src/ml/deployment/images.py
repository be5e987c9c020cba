"""Images of the container engine: build, read, push and pull.

CONTAINER_BUILD_FLAGS are added to every build, for networks that need a proxy's certificate.
"""

import json
import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.deployment.container_engine import ask, call, engine, is_podman, said
from ml.io.errors import UserError


def registry() -> str:
    """The prefix of an image's name: `ghcr.io/owner/` if IMAGE_REGISTRY names one, otherwise empty."""
    given = os.environ.get("IMAGE_REGISTRY", "").strip("/").lower()
    return f"{given}/" if given else ""


def build(tag: str, arguments: Mapping[str, str], epoch: int) -> None:
    """Build the Dockerfile under `tag`, with files dated `epoch` (seconds); raises UserError if it fails.

    Podman dates all layers of a build alike, so it builds the layer of packages first, with a date that never changes.
    """
    given = {**arguments, "SOURCE_DATE_EPOCH": str(epoch)}
    if is_podman():
        given["PACKAGES"] = f"localhost/packages:{arguments['LOCK_DIGEST']}"
        _build(given["PACKAGES"], "--timestamp", "0", "--format", "docker", "--target", "packages")
    dated = ["--timestamp", str(epoch), "--format", "docker"] if is_podman() else []
    pairs = [part for key, value in given.items() for part in ("--build-arg", f"{key}={value}")]
    _build(tag, *dated, *pairs, epoch=epoch)


def _build(tag: str, *flags: str, epoch: int = 0) -> None:
    command, more = engine(), shlex.split(os.environ.get("CONTAINER_BUILD_FLAGS", ""))
    # Otherwise Docker adds a record with the build time, and equal contents get different digests.
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch), "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
    done = subprocess.run([*command, "build", *flags, *more, "-t", tag, "."], check=False, env=environment)
    if done.returncode:
        raise UserError(
            f"{command[0]} could not build the image; the reason is printed above. Fix it, then run `make image`."
        )


def inspect(image: str) -> dict[str, Any]:
    """The engine's record of a local image; raises UserError if it is not here."""
    done = call("image", "inspect", image)
    if done.returncode:
        raise UserError(f"image {image} is not on this machine. Build it with `make image`, or pull it.")
    return json.loads(done.stdout)[0]


def image_id(image: str) -> str:
    """The engine's name of exactly this image, `sha256:…`; two builds of one content can have two."""
    return f"sha256:{inspect(image)['Id'].removeprefix('sha256:')}"


def push(image: str) -> str:
    """Push an image; its address with the digest in the registry: `name@sha256:…`."""
    command, name = engine(), image.rpartition(":")[0]
    flags = shlex.split(os.environ.get("CONTAINER_PUSH_FLAGS", ""))
    with tempfile.TemporaryDirectory() as folder:
        # Podman compresses during the push, and `inspect` continues to show the earlier digest.
        told = Path(folder) / "digest"
        asked = ["--digestfile", str(told)] if is_podman() else []
        if subprocess.run([*command, "push", *asked, *flags, image], check=False).returncode:
            raise UserError(
                f"{image} could not be pushed; the reason is printed above. Check the login: `{command[0]} login`"
            )
        if asked:
            return f"{name}@{told.read_text(encoding='utf-8').strip()}"
    return next(found for found in inspect(image)["RepoDigests"] if found.startswith(f"{name}@"))


def save(image: str, path: Path) -> None:
    """Write an image to a file that other tools read without a container engine."""
    ask("save", "--output", str(path), image)


def pull(image: str) -> None:
    """Pull an image unless it is on this machine; raises UserError if this fails."""
    if call("image", "inspect", image).returncode == 0:
        return
    done = call("pull", "--quiet", *shlex.split(os.environ.get("CONTAINER_PULL_FLAGS", "")), image)
    if done.returncode:
        raise UserError(
            f"image {image} is neither on this machine nor in its registry: {said(done)} Build it with `make image`, "
            "or correct IMAGE=."
        )


def fetch(image: str) -> tuple[dict[str, Any], str] | None:
    """The image of a tag in a registry, pulled, and its address by digest; None if there is none."""
    flags = shlex.split(os.environ.get("CONTAINER_PULL_FLAGS", ""))

    def pulled(name: str) -> bool:
        return call("pull", "--quiet", *flags, name).returncode == 0

    if not pulled(image):
        return None
    found, name = inspect(image), image.rpartition(":")[0]
    known = [digest for digest in found["RepoDigests"] if digest.startswith(f"{name}@")]
    # Podman keeps the digest from before it compressed an image, which the registry does not know.
    digest = next((digest for digest in known if len(known) == 1 or pulled(digest)), None)
    return (found, digest) if digest else None


def read(image: str, path: str) -> bytes:
    """A file of an image; raises UserError if there is none with that name."""
    return output(image, "cat", path)


def output(image: str, *command: str) -> bytes:
    """The output of a command in the image without a network; raises UserError if it fails."""
    done = subprocess.run(
        [*engine(), "run", "--rm", "--network", "none", "--entrypoint", command[0], image, *command[1:]],
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it says nothing"]
        raise UserError(
            f"image {image} was not built by `make image`, or is broken: {last[0]} Build it again: `make image`."
        )
    return done.stdout
