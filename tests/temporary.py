"""A folder for the temporary files of one run of the tests: sockets, clones and stores of what a test has killed.

Programs that tests start take it from TMPDIR. It goes with the run; that of a run that was killed goes with the next.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

PLACE = "PYTEST_DEBUG_TEMPROOT"  # where pytest itself keeps the folders of the last three runs
NAME = "tests-"


def use() -> Path | None:
    """Make the folder and let this process and those that it starts use it; None where paths of sockets are long."""
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
    """Remove the folder."""
    os.environ["TMPDIR"], tempfile.tempdir = str(folder.parent), None
    shutil.rmtree(folder, ignore_errors=True)


def lasting() -> Path:
    """Where files are kept for other runs."""
    return Path(os.environ.get(PLACE) or tempfile.gettempdir())
