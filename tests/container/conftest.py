import subprocess

import pytest

from tests.container.engine import Podman, lacking, mirror


@pytest.fixture(scope="session")
def podman(tmp_path_factory):
    """Podman with the stand-in base image in a store that goes with the session."""
    if reason := lacking():
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("podman")
    parts = "python3,python3-pip,python3-distutils,ca-certificates"
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={parts}", "bookworm", home / "rootfs", mirror()],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    engine = Podman(home)
    engine.stand_in(home / "rootfs")
    return engine
