"""A child process that answers messages: a crash or an endless loop in it does not end or block this process."""

import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

LENGTH = 8  # bytes before each message
SECONDS = 5  # for a child that has closed its output to end by itself


class Ended(Exception):  # noqa: N818 - the child has ended, which need not be an error
    """The child ended without an answer; the text says how, as in "ended by SIGSEGV"."""


class Child:
    """`python -m MODULE ARGUMENTS`, started for the first message and again after it has ended.

    It gets `first` when it starts, answers one message at a time, and ends with this process.
    """

    def __init__(self, *command: str, first: bytes = b"") -> None:
        self._command, self._first = command, first
        self._process: Any = None  # a Popen with pipes
        self._turn = threading.Lock()

    def ask(self, message: bytes) -> bytes:
        """The answer to a message; raises Ended if the child ends before."""
        with self._turn:
            if self._process is None:
                self._process = _started(self._command)
                self._leave = weakref.finalize(self, _stop, self._process)
                if self._first:
                    self._exchanged(self._process, self._first)
            return self._exchanged(self._process, message)

    def _exchanged(self, process: Any, message: bytes) -> bytes:
        try:
            _send(process.stdin, message)
            return _received(process.stdout)
        except (EOFError, BrokenPipeError):
            with suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS)
            self._leave()
            self._process = None
            raise Ended(_end(process.returncode)) from None
        except BaseException:  # its answer, which comes later, would be taken for that to the next message
            self._leave()
            self._process = None
            raise


def answer_all(answer: Callable[[bytes], bytes]) -> None:
    """Answer each message of the parent, in the child; any other output of the child is discarded."""
    target = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # which leads nowhere
    while True:
        try:
            message = _received(sys.stdin.buffer)
        except EOFError:
            return
        _send(target, answer(message))


def _started(command: tuple[str, ...]) -> subprocess.Popen:
    """The child, which finds the same modules; a Ctrl-C in the terminal does not reach it."""
    places = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-m", *command], env={**os.environ, "PYTHONPATH": places}, process_group=0,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _send(pipe: BinaryIO, message: bytes) -> None:
    pipe.write(len(message).to_bytes(LENGTH, "big") + message)
    pipe.flush()


def _received(pipe: BinaryIO) -> bytes:
    size = int.from_bytes(_exactly(pipe, LENGTH), "big")
    return _exactly(pipe, size)


def _exactly(pipe: BinaryIO, size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found


def _end(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _stop(process: Any) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # bytes that it did not read
            pipe.close()
