"""Podman on a machine without a service manager or an image registry: a store of its own and a stand-in base image.

The Dockerfile is built as it stands; a Debian root file system takes the place of its base through `--build-context`.
The store stays in the folder for temporary files, so that a second run starts at once. Delete it to start over.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock

from tests.temporary import lasting

BASE = "docker.io/library/python:3.11.14-slim-bookworm"
HOME = lasting() / "container-tests"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PARTS = ("podman", "runc", "debootstrap")
PACKAGES = "python3,python3-pip,python3-distutils,ca-certificates"
STAND_IN = """FROM localhost/rootfs
RUN ln -s /usr/bin/python3 /usr/local/bin/python && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
"""
# crun refuses mixed cgroups and raised limits, which some machines have; runc with these settings does not.
SETTINGS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def lacking():
    """The reason to skip a test, or None if all programs are installed."""
    if os.name != "posix" or os.geteuid() != 0:
        return "building images with a stand-in base needs root on Linux"
    absent = [part for part in PARTS if not shutil.which(part)]
    return f"needs {', '.join(absent)}: apt-get install {' '.join(PARTS)}" if absent else None


def environment():
    """The variables with which `make image` and `make smoke` use the tests' store and the stand-in."""
    lent = f"-v {CERTIFICATES}:{CERTIFICATES}:ro -v {HOME / 'pip.conf'}:/etc/pip.conf:ro"
    return {
        "CONTAINERS_CONF": str(HOME / "containers.conf"),
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINER_ENGINE": f"podman --root {HOME / 'store'} --runroot {HOME / 'run'}",
        "CONTAINER_BUILD_FLAGS": f"--pull=never --build-context {BASE}=container-image://localhost/base {lent}",
    }


def podman(*arguments, check=True):
    """A finished `podman …`; raises AssertionError with its output when it fails."""
    command = [*environment()["CONTAINER_ENGINE"].split(), *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | environment(), capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"podman {arguments[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done


def prepare():
    """Make the store and the stand-in, once a machine; several workers may ask at the same time."""
    HOME.mkdir(exist_ok=True)
    with FileLock(HOME / "lock"):
        (HOME / "containers.conf").write_text(SETTINGS)
        (HOME / "pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
        if podman("image", "exists", "localhost/base", check=False).returncode == 0:
            return
        root = HOME / "rootfs"
        shutil.rmtree(root, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root, mirror()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"debootstrap: {done.stdout[-2000:]}{done.stderr[-1000:]}"
        archive = HOME / "rootfs.tar"
        subprocess.run(["tar", "-C", root, "--numeric-owner", "-cf", archive, "."], check=True)
        podman("import", archive, "localhost/rootfs")
        archive.unlink()
        shutil.rmtree(root)
        derive("localhost/base", STAND_IN)


def derive(tag, containerfile):
    """An image made of another by a few lines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Containerfile"
        path.write_text(containerfile)
        podman("build", "--format", "docker", "--pull=never", "--tag", tag, "--file", path, folder)
    return tag


def mirror():
    """The source of Debian packages on this machine."""
    found = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)"], capture_output=True, text=True, check=True
    )
    pairs = [line.split() for line in found.stdout.splitlines()]
    return next(pair[0] for pair in pairs if len(pair) == 2 and pair[1] == "bookworm" and "nodesource" not in pair[0])
