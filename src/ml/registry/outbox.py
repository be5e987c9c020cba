"""Records that wait to be sent to the registry: each is stored here first, so nothing is lost while a server is down.

`.mlflow/outbox/KIND/KEY/` holds `record.json` and `files/`. Sending the same thing twice must be harmless.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml.io import files


def put(place: Path, key: str, record: dict[str, Any], contents: dict[str, list[Path]]) -> None:
    """Store a record with copies of files (paths by folder) under `key`; an earlier record of the key is replaced."""
    place.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=place, prefix="."))
    for folder, paths in contents.items():
        inside = temporary / "files" / folder
        inside.mkdir(parents=True, exist_ok=True)
        for path in paths:
            shutil.copy(path, inside)
    files.write_json(record, temporary / "record.json")
    shutil.rmtree(place / key, ignore_errors=True)
    temporary.rename(place / key)


def send(place: Path, deliver: Callable[[dict[str, Any], Path], Any]) -> int:
    """Deliver each record with its folder of files, oldest first, delete it, and return how many were sent.

    If `deliver` raises, the exception passes through, and this record and those after it are kept.
    """
    waiting = sorted(place.glob("[!.]*"), key=lambda item: item.stat().st_mtime)
    for item in waiting:
        deliver(files.read_json(item / "record.json"), item / "files")
        shutil.rmtree(item)
    return len(waiting)
