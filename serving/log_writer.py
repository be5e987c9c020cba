"""The prediction log of one worker: a line is written to the kernel before its request is answered.

The page cache survives the process, so `kill -9` loses no acknowledged line; the setting `fsync` protects against power
loss. docs/prediction-log.md describes the whole life of a line.
"""

import contextlib
import errno
import os
import tempfile
import threading
import time
from pathlib import Path

from ml.io import files
from ml.io.text import counted
from ml.prediction_log import segments
from ml.settings.log import Log

ROOM = 1_000_000  # free bytes that readiness requires: about twice a line of 1,000 rows
NONE = -1  # no file is open


class LogUnavailable(OSError):  # noqa: N818 - what a handler catches reads better without Error
    """A line could not be written and is not in the log: the disk is full, or the directory is missing."""


class PredictionLog:
    """Appends lines to this worker's own segment file; safe to call from several threads.

    Create one in each worker process after the fork, because a segment has one writer.
    """

    def __init__(self, directory: Path, settings: Log | None = None) -> None:
        self._directory = Path(directory)
        self._settings = settings or Log()
        self._limit = self._settings.segment_mb * 1_000_000
        self._always = self._settings.fsync == "always"
        self.missing = 0  # lines that were served but not written, under `unavailable: count`
        self.sync_failures = 0
        self._worker = segments.new_worker()
        self._segments = 0
        self._handle = NONE
        self._path = self._directory
        self._size = 0
        self._opened = 0.0
        self._unsynced = False
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        with contextlib.suppress(OSError):  # check() and append() report the error
            self._directory.mkdir(parents=True, exist_ok=True)
        self._keeper = threading.Thread(target=self._keep, name="prediction-log", daemon=True)
        self._keeper.start()

    def check(self) -> None:
        """Raise LogUnavailable if a line cannot be written now; for start-up and readiness."""
        with self._lock:
            try:
                self._ready()
                if not os.fstat(self._handle).st_nlink:
                    self._leave()
                    self._open()
                self._room()
            except OSError as error:
                raise self._unavailable(error) from error

    def append(self, line: bytes) -> None:
        """Return once the line is in the segment; else raise LogUnavailable, or count it under `unavailable: count`.

        `line` is one complete JSON document without a newline.
        """
        if b"\n" in line:
            raise ValueError("a line of the prediction log holds a newline")
        with self._lock:
            try:
                self._append(line + b"\n")
            except OSError as error:
                if self._settings.unavailable == "refuse":
                    raise self._unavailable(error) from error
                self.missing += 1

    def backlog(self) -> int:
        """Bytes in the directory, of all workers, that are not yet shipped or compacted."""
        return segments.backlog(self._directory)

    def close(self) -> None:
        """Close the segment, so that it can be shipped; further lines would open a new one."""
        self._stopped.set()
        self._keeper.join()
        with self._lock:
            self._close()

    def _append(self, data: bytes) -> None:
        if self._handle == NONE or self._size > self._limit:
            self._ready()
        self._write(data)
        if not os.fstat(self._handle).st_nlink:  # the file was deleted, and its lines with it
            self._leave()
            self._open()
            self._write(data)

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._handle, data)
            if written < len(data):
                raise OSError(errno.ENOSPC, f"only {written} of {counted(len(data), 'byte')} fitted")
            if self._always:
                os.fdatasync(self._handle)
        except OSError:
            self._repair()
            raise
        self._size += written
        self._unsynced = True

    def _repair(self) -> None:
        """Remove an incomplete line after an error, so that no line follows it."""
        try:
            os.ftruncate(self._handle, self._size)
        except OSError:
            self._leave()

    def _room(self) -> None:
        """Raise OSError if the disk or a quota has no space for a long line; tested with a temporary file."""
        with tempfile.TemporaryFile(dir=self._directory) as probe:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(probe.fileno(), 0, ROOM)
            else:
                os.write(probe.fileno(), bytes(ROOM))

    def _ready(self) -> None:
        if self._size > self._limit:
            self._close()
        if self._handle == NONE:
            self._open()

    def _open(self) -> None:
        """A new segment; it gets its name after it is locked, so that no process takes it for an abandoned one."""
        self._segments += 1
        name = segments.new_name(self._worker, self._segments)
        hidden = self._directory / f".{name}{segments.NEW}"
        path = self._directory / f"{name}{segments.OPEN}"
        handle = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o640)
        try:
            segments.lock(handle)
            hidden.rename(path)
            if self._settings.fsync != "none":
                files.sync(self._directory)
        except OSError:
            os.close(handle)
            hidden.unlink(missing_ok=True)
            raise
        self._handle, self._path, self._size, self._opened = handle, path, 0, time.monotonic()

    def _close(self) -> None:
        if self._handle == NONE:
            return
        with contextlib.suppress(OSError):  # after any error it is unlocked, and the next shipper closes it
            if self._settings.fsync != "none":
                os.fsync(self._handle)
            segments.close(self._path)
        self._leave()

    def _leave(self) -> None:
        """Abandon the current segment."""
        handle, self._handle, self._size, self._unsynced = self._handle, NONE, 0, False
        with contextlib.suppress(OSError):
            os.close(handle)

    def _keep(self) -> None:
        """Sync every `fsync_ms` under `fsync: batch`, and close the segment when it has aged."""
        batch = self._settings.fsync == "batch"
        pause = self._settings.fsync_ms / 1000 if batch else min(1.0, self._settings.segment_seconds / 2)
        while not self._stopped.wait(pause):
            if batch:
                self._sync()
            with self._lock:
                if time.monotonic() - self._opened > self._settings.segment_seconds:
                    self._close()

    def _sync(self) -> None:
        with self._lock:
            if not self._unsynced:
                return
            self._unsynced, path, handle = False, self._path, os.dup(self._handle)
        try:
            os.fdatasync(handle)  # outside the lock, so that requests continue
        except OSError:
            with self._lock:
                self.sync_failures += 1
                if self._handle != NONE and self._path == path:
                    self._leave()  # the kernel reports a lost page only once, so this file gets no more lines
        finally:
            os.close(handle)

    def _unavailable(self, error: OSError) -> LogUnavailable:
        reason = error.strerror or str(error)
        return LogUnavailable(
            error.errno,
            f"the prediction log in {self._directory} cannot be written: {reason}. Free space "
            "there or restore the directory; serving then resumes automatically.",
        )
