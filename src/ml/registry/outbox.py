"""What waits to be sent to the registry: work is kept here first, so a server that is down loses nothing.

`.mlflow/outbox/KIND/KEY/` holds `record.json` and `files/`. Sending the same thing twice must be harmless.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml.io import files


def put(place: Path, key: str, record: dict[str, Any], contents: dict[str, list[Path]]) -> None:
    """Keep a record with copies of files (paths by folder) under `key`, in the place of one kept there before."""
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
    """Deliver each record with its folder of files, oldest first, and forget it then; how many were sent.

    What `deliver` raises passes through: that record and those after it stay.
    """
    waiting = sorted(place.glob("[!.]*"), key=lambda item: item.stat().st_mtime)
    for item in waiting:
        deliver(files.read_json(item / "record.json"), item / "files")
        shutil.rmtree(item)
    return len(waiting)
