"""Segments of the prediction log: their names, writers, complete lines and deletion.

A segment is a file of JSON lines with one writer. Its name shows its state; each step is one rename:

    <name>.jsonl.open   a worker writes it, and holds a lock on it while it runs
    <name>.jsonl        closed: no longer written; waits to be shipped or compacted
    <name>.jsonl.done   shipped or compacted; only these are ever deleted
    <name>.jsonl.bad    shipped or compacted except for unreadable lines; kept for inspection

Nothing here needs more than the standard library: the server and the shipper run without pandas.
"""

import contextlib
import os
import re
import time
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ml.io.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

OPEN, CLOSED, DONE, BAD = ".jsonl.open", ".jsonl", ".jsonl.done", ".jsonl.bad"
NEW = ".new"  # being created, not yet locked
NAME = re.compile(r"\d{8}T\d{6}-[\w-]+", re.ASCII)
STALE_SECONDS = 60
DAY_SECONDS = 86_400


class Closed(NamedTuple):
    """The recovery of segments whose writer died: the numbers of closed segments and of removed unfinished lines."""

    segments: int
    torn: int


def places(directory: str, environment: Mapping[str, str]) -> tuple[Path, str | None]:
    """The directory of the log, and the URL to ship it to when PREDICTION_LOG names one."""
    named = environment.get("PREDICTION_LOG", "")
    return (Path(directory), named) if "://" in named else (Path(named or directory), None)


def new_worker() -> str:
    """A unique name of a worker: process id and 64 random bits."""
    return f"{os.getpid()}-{os.urandom(8).hex()}"


def new_name(worker: str, number: int) -> str:
    """The name of a worker's next segment; names sort by the second in which their segment was opened."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{worker}-{number:06d}"


def opened(name: str) -> datetime:
    """The time at which a segment was opened: no line in it is older."""
    return datetime.strptime(name[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def proper(name: str) -> bool:
    """Whether a worker could have given this name; a person's file has another one."""
    try:
        return bool(NAME.fullmatch(name) and opened(name))
    except ValueError:  # the 99th of a month
        return False


def name_of(path: Path) -> str:
    """The name of a segment, the same before and after every rename."""
    return path.name.partition(CLOSED)[0]


def lock(handle: int) -> bool:
    """True if the file is now locked by us, False if a running process holds it; the lock ends with its process."""
    if fcntl is None:
        raise UserError("The prediction log needs file locks of Linux or macOS. On Windows, run this in WSL.")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def listed(directory: Path, *states: str) -> list[Path]:
    """The segments in these states, oldest first; none when the directory is absent."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return sorted(Path(e.path) for e in os.scandir(directory) if e.name.endswith(states) and e.name[0] != ".")
    return []


def known(directory: Path, name: str) -> bool:
    """Whether a segment of this name exists, in any state."""
    return any((directory / f"{name}{state}").exists() for state in (CLOSED, DONE, BAD))


def backlog(directory: Path) -> int:
    """Bytes that are neither shipped nor compacted."""
    return sum(_size(path) for path in listed(directory, OPEN, CLOSED))


def whole(content: bytes) -> tuple[list[bytes], int]:
    """The lines that end in a newline, and 1 if an unfinished line follows, else 0."""
    *lines, rest = content.split(b"\n")
    return lines, int(bool(rest))


def content(path: Path) -> bytes:
    """The bytes of a listed segment, though it has been renamed since; nothing once it is deleted."""
    for state in (path.name.removeprefix(name_of(path)), CLOSED, DONE, BAD):
        with contextlib.suppress(FileNotFoundError):
            return path.with_name(name_of(path) + state).read_bytes()
    return b""


@contextlib.contextmanager
def sole_worker(directory: Path) -> Generator[None]:
    """Hold the directory for one shipper or compactor; raises UserError when another is at work."""
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory / ".lock", os.O_CREAT | os.O_RDWR, 0o640)
    try:
        if not lock(handle):
            raise UserError(f"{directory} is being shipped or compacted by another process. Wait for it, or stop it.")
        yield
    finally:
        os.close(handle)


def close_abandoned(directory: Path) -> Closed:
    """Close the segments whose worker is dead, without their unfinished last line."""
    segments = torn = 0
    for path in listed(directory, OPEN):
        with contextlib.suppress(FileNotFoundError), path.open("rb+") as file:
            if lock(file.fileno()) and path.exists():  # its worker may have closed it just now
                torn += _cut(file.fileno(), path)
                segments += 1
                close(path)
    _sweep(directory)
    return Closed(segments, torn)


def close(path: Path) -> None:
    """Rename an open segment to closed; an empty one is removed."""
    if path.stat().st_size:
        path.rename(path.with_name(name_of(path) + CLOSED))
    else:
        path.unlink()


def finish(path: Path, unreadable: int) -> None:
    """Mark a closed segment as shipped or compacted; call this only after its lines are stored elsewhere."""
    os.utime(path)  # before the rename, so that an interruption leaves no finished segment with an old time
    path.rename(path.with_name(name_of(path) + (BAD if unreadable else DONE)))


def prune(directory: Path, keep_days: float) -> int:
    """Delete segments that were shipped or compacted more than this many days ago; returns their number."""
    oldest = time.time() - keep_days * DAY_SECONDS
    old = [path for path in listed(directory, DONE) if path.stat().st_mtime < oldest]
    for path in old:
        path.unlink()
    return len(old)


def _cut(handle: int, path: Path) -> int:
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    os.ftruncate(handle, end)
    return int(end < len(content))


def _sweep(directory: Path) -> None:
    """Remove files of workers that were killed before they wrote a line."""
    for path in directory.glob(f".*{NEW}"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - STALE_SECONDS:
                path.unlink()


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):  # renamed since it was listed
        return path.stat().st_size
    return 0
