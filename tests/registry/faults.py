"""Faults at every write of a command: an error instead of the nth write, or a kill directly before it.

Python's audit events (PEP 578) announce operations on files and processes, so no list of writes is needed. A kill is
SIGKILL in a fork: no `finally` runs, and locks end with the process.
"""

import errno
import io
import os
import signal
import sys
from unittest import mock

from ml.io.errors import UserError

WRITES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.truncate", "os.utime", "os.link"}
_active = None


def _announced(event, arguments):
    if _active is None:
        return
    writes = event in WRITES or event == "subprocess.Popen"
    if event == "open" and isinstance(arguments[2], int):
        writes = bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if writes:
        _active()


sys.addaudithook(_announced)


def _counting(number, strike):
    seen = 0

    def count():
        nonlocal seen
        seen += 1
        if seen == number:
            strike()

    return count


def _with(hook, command):
    global _active  # noqa: PLW0603 - an audit hook cannot be taken away again
    _active = hook
    try:
        return command()
    finally:
        _active = None


def full_disk(number, command):
    """Whether the command succeeded although its nth write found no space."""

    def strike():
        raise OSError(errno.ENOSPC, "No space left on device")

    try:
        _with(_counting(number, strike), command)
    except (OSError, UserError):  # a command may say the error in a sentence
        return False
    return True


class _Half(io.FileIO):
    """A file that takes half of what is written first, and then no more."""

    half = False

    def write(self, content):
        if self.half or len(content) < 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.half = True
        return super().write(bytes(content)[: len(content) // 2])


def torn(number, command):
    """Whether the command ended well though the nth file that it writes took only half of the content."""
    opened, seen = io.open, 0

    def opening(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *rest):  # noqa: PLR0913, PLR0917
        nonlocal seen
        writes = {*mode} & {*"wax+"}
        seen += bool(writes)
        if not writes or seen != number:
            return opened(file, mode, buffering, encoding, errors, newline, *rest)
        raw = io.BufferedWriter(_Half(file, mode.replace("b", "").replace("t", "")))
        return raw if "b" in mode else io.TextIOWrapper(raw, encoding, errors, newline)

    with mock.patch("io.open", opening), mock.patch("builtins.open", opening):
        return full_disk(0, command)


def killed(number, command):
    """Whether the command ended before its nth write, at which it is killed."""
    child = os.fork()
    if not child:
        code = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            _with(_counting(number, lambda: os.kill(os.getpid(), signal.SIGKILL)), command)
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL), "the command failed by itself"
    return code == 0


def writes(command):
    """The number of writes of a command."""
    seen = []
    _with(lambda: seen.append(1), command)
    return len(seen)
