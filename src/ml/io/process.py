"""A child process that is allowed to clean up when this process is asked to stop."""

import os
import signal
import subprocess
from typing import Any


def finished(command: list[str], **options: Any) -> int:
    """The exit code of a command. Ctrl-C and SIGTERM interrupt the command and all its children, and wait for them.

    `subprocess.run` kills a command a quarter of a second after Ctrl-C, and SIGTERM leaves its children running.
    """
    child = subprocess.Popen(command, process_group=0, **options)
    try:
        return child.wait()
    except KeyboardInterrupt:
        os.killpg(child.pid, signal.SIGINT)
        child.wait()
        raise
