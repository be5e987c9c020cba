"""Podman on a machine without a service manager or an image registry: a store of its own and a stand-in base image."""

import os
import shutil
import subprocess
from pathlib import Path

BASE = "docker.io/library/python:3.11.14-slim-bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PARTS = ("podman", "runc", "debootstrap")
STAND_IN = """FROM localhost/rootfs
RUN ln -s /usr/bin/python3 /usr/local/bin/python && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
"""


def lacking():
    """The sentence a skipped test says, or None when all parts are here."""
    if os.name != "posix" or os.geteuid() != 0:
        return "building images here needs root on Linux"
    absent = [part for part in PARTS if not shutil.which(part)]
    return f"needs {', '.join(absent)}: apt-get install {' '.join(PARTS)}" if absent else None


class Podman:
    """Podman with its own store under `home`, so that a test leaves nothing behind."""

    def __init__(self, home):
        self.home = home
        (home / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n'
            '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
        )
        (home / "pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")

    def __call__(self, *arguments, check=True):
        """The result of `podman …`; raises AssertionError with its output when it fails."""
        done = subprocess.run(
            ["podman", "--root", self.home / "store", "--runroot", self.home / "run", *arguments],
            env=os.environ | {"CONTAINERS_CONF": str(self.home / "containers.conf"), "BUILDAH_ISOLATION": "chroot"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"podman {arguments[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done

    def stand_in(self, rootfs):
        """The name of a Debian image with Python where the official image has it."""
        archive = self.home / "rootfs.tar"
        subprocess.run(["tar", "-C", rootfs, "--numeric-owner", "-cf", archive, "."], check=True)
        self("import", archive, "localhost/rootfs")
        archive.unlink()
        (self.home / "Containerfile").write_text(STAND_IN)
        self("build", "--pull=never", "-t", "localhost/base", "-f", self.home / "Containerfile", self.home)
        return "localhost/base"

    def build(self, context, tag, *more):
        """Build the Dockerfile as it stands, with the stand-in for its base and a fixed time for its layers."""
        self(
            "build", "--format", "docker", "--pull=never", "--no-cache", "--timestamp", "0",
            "--build-context", f"{BASE}=container-image://localhost/base",
            "-v", f"{CERTIFICATES}:{CERTIFICATES}:ro", "-v", f"{self.home / 'pip.conf'}:/etc/pip.conf:ro",
            "-t", tag, *more, context,
        )  # fmt: skip
