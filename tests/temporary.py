"""A folder for the temporary files of one run of the tests: sockets, clones, and files of killed processes.

Programs that tests start find it in TMPDIR. It is deleted with the run; the folder of a killed run is deleted with the
next one.
"""

import os
import shutil
import sys
import tempfile
from multiprocessing import util
from pathlib import Path

PLACE = "PYTEST_DEBUG_TEMPROOT"  # where pytest itself keeps the folders of the last three runs
NAME = "tests-"


def use() -> Path | None:
    """Make the folder and use it in this process and its children; None if paths of sockets would be too long."""
    if sys.platform != "linux":
        return None
    place = Path(tempfile.gettempdir())
    for folder in place.glob(f"{NAME}*-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists():
            shutil.rmtree(folder, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-"))
    folder.chmod(0o1777)  # a test's server may run as another user
    os.environ.setdefault(PLACE, str(place))
    os.environ["TMPDIR"], tempfile.tempdir = str(folder), None
    return folder


def leave(folder: Path) -> None:
    """Remove the folder; after the folder of multiprocessing, which the process removes at its end and must exist."""
    os.environ["TMPDIR"], tempfile.tempdir = str(folder.parent), None
    if any(folder.glob("pymp-*")):
        util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=-200)  # that of multiprocessing has -100
    else:
        shutil.rmtree(folder, ignore_errors=True)


def lasting() -> Path:
    """The folder of files that are kept for other runs."""
    return Path(os.environ.get(PLACE) or tempfile.gettempdir())
