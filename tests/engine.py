"""Podman on a machine without a service manager or an image registry: its own store and a substitute base image.

The Dockerfile is built unchanged; a Debian root file system replaces its base through `--build-context`. The store
stays in the folder for temporary files, so that a second run starts at once. Delete it to start again.
"""

import getpass
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from tests.temporary import lasting

BASE = "docker.io/library/python:3.11.14-slim-bookworm"
AS_ROOT = sys.platform == "linux" and os.geteuid() == 0
HOME = lasting() / ("container-tests" if AS_ROOT else f"container-tests-{getpass.getuser()}")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
DRIVER = "" if AS_ROOT else " --storage-driver overlay"  # the default without root copies every layer
PARTS = {"podman": "podman", "runc": "runc", "debootstrap": "debootstrap"}
ROOTLESS = {"newuidmap": "uidmap", "slirp4netns": "slirp4netns"}  # what podman needs besides for any other user
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
    if sys.platform != "linux":
        return "building images with a stand-in base needs Linux"
    if not AS_ROOT and not os.environ.get("ROOTLESS"):
        return "building images with a stand-in base needs root on Linux, or ROOTLESS=1 and a user namespace"
    if not AS_ROOT and not re.search(rf"^({getpass.getuser()}|{os.getuid()}):", _subordinates(), re.MULTILINE):
        return "podman without root needs user ids in /etc/subuid: usermod --add-subuids 100000-165535 USER"
    parts = PARTS if AS_ROOT else PARTS | ROOTLESS
    path = f"{os.environ['PATH']}:/usr/sbin"  # of debootstrap
    absent = [package for program, package in parts.items() if not shutil.which(program, path=path)]
    return f"needs {', '.join(absent)}: apt-get install {' '.join(absent)}" if absent else None


def _subordinates():
    path = Path("/etc/subuid")
    return path.read_text() if path.exists() else ""


def environment():
    """The variables with which `make image` and `make smoke` use the store and the base image of the tests."""
    lent = f"-v {CERTIFICATES}:{CERTIFICATES}:ro -v {HOME / 'pip.conf'}:/etc/pip.conf:ro"
    return {
        "CONTAINERS_CONF": str(HOME / "containers.conf"),
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINER_ENGINE": f"podman --root {HOME / 'store'} --runroot {HOME / 'run'}{DRIVER}",
        "CONTAINER_BUILD_FLAGS": f"--pull=never --build-context {BASE}=container-image://localhost/base {lent}",
    }


def podman(*arguments, check=True):
    """A finished `podman …`; raises AssertionError with its output if it fails."""
    command = [*environment()["CONTAINER_ENGINE"].split(), *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | environment(), capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"podman {arguments[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done


def prepare():
    """Make the store and the base image, once per machine; several workers may call this at the same time."""
    HOME.mkdir(exist_ok=True)
    with FileLock(HOME / "lock"):
        (HOME / "containers.conf").write_text(SETTINGS)
        (HOME / "pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
        if podman("image", "exists", "localhost/base", check=False).returncode == 0:
            return
        root, archive = HOME / "rootfs", HOME / "rootfs.tar"
        _ours("rm", "-rf", root)
        _ours("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", root, mirror())
        _ours("tar", "-C", root, "--numeric-owner", "-cf", archive, ".")
        podman("import", archive, "localhost/rootfs")
        _ours("rm", "-rf", root, archive)
        derive("localhost/base", STAND_IN)


def sweep():
    """Remove the images of earlier runs, because podman reads all of them to build one; the layers of packages stay.

    Those have the date 0, and so are older than the base. What is younger than an hour may belong to another run.
    """
    old = ("image", "prune", "--force", "--filter=until=1h")
    podman(*old, "--all", "--filter=label=ml.model.digest", check=False)
    podman(*old, "--filter=since=localhost/base", check=False)


def _ours(*command):
    """Run a command as root, or as the root of the user's own namespace, where debootstrap creates no devices."""
    inside = [] if AS_ROOT else [*environment()["CONTAINER_ENGINE"].split(), "unshare", "env", "container=lxc"]
    path = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    done = subprocess.run([*inside, *command], env=os.environ | path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-1000:]}"


def derive(tag, containerfile):
    """An image derived from another by a few lines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Containerfile"
        path.write_text(containerfile)
        podman("build", "--format", "docker", "--pull=never", "--tag", tag, "--file", path, folder)
    return tag


def mirror():
    """The source of Debian packages on this machine, or Debian's own."""
    found = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)"], capture_output=True, text=True, check=True
    )
    pairs = [line.split() for line in found.stdout.splitlines()]
    known = [pair[0] for pair in pairs if len(pair) == 2 and pair[1] == "bookworm" and "nodesource" not in pair[0]]
    return known[0] if known else "http://deb.debian.org/debian"
