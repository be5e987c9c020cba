"""The contents of an image, read from the image itself: Python packages, system packages, the interpreter."""

import json
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from ml.deployment import images

OURS = "/app/lib"  # the Dockerfile installs the lock file here; all other packages belong to the base image
ASK = """
import importlib.metadata, json, pathlib, platform
def text(path):
    return pathlib.Path(path).read_text() if pathlib.Path(path).exists() else ""
found = importlib.metadata.distributions()
print(json.dumps({
    "python": platform.python_version(),
    "packages": [[d.metadata["Name"], d.version, str(d.locate_file(""))] for d in found if d.metadata["Name"]],
    "debian": text("/var/lib/dpkg/status"),
    "system": text("/etc/os-release"),
}))
"""


@dataclass(frozen=True)
class Inventory:
    """Versions by name."""

    python: str
    locked: dict[str, str]  # packages under OURS
    base: dict[str, str]  # Python packages that came with the base image
    debian: dict[str, str]
    system: str  # e.g. debian-12


def read(image: str) -> Inventory:
    """The contents of an image; raises UserError if Python does not start in it."""
    return parse(json.loads(images.output(image, "python", "-c", ASK)))


def parse(said: dict[str, Any]) -> Inventory:
    """The inventory in the output of an image."""
    found = [(canonicalize_name(name), version, place) for name, version, place in said["packages"]]
    system = dict(line.split("=", 1) for line in said["system"].splitlines() if "=" in line)
    return Inventory(
        python=said["python"],
        locked={name: version for name, version, place in found if place.rstrip("/") == OURS},
        base={name: version for name, version, place in found if place.rstrip("/") != OURS},
        debian=debian(said["debian"]),
        system="-".join(system.get(key, "unknown").strip('"') for key in ("ID", "VERSION_ID")),
    )


def debian(status: str) -> dict[str, str]:
    """The version of each package that dpkg's status file lists as installed."""
    packages = [
        dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" "))
        for stanza in status.split("\n\n")
    ]
    return {p["Package"]: p["Version"] for p in packages if p.get("Status", "").endswith(" installed")}


def unlike(found: dict[str, str], lock: dict[str, str]) -> list[str]:
    """The differences between the installed packages and the lock file."""
    return [
        f"{name}: {found.get(name, 'absent')} in the image, {lock.get(name, 'absent')} in the lock"
        for name in sorted(found.keys() | lock.keys())
        if found.get(name) != lock.get(name)
    ]
