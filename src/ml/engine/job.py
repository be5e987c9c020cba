"""A job that writes its output in parts, resumes after a kill, and publishes only the complete output.

Beside OUT, `.OUT.part/job.json` records the inputs of the job, its name and its start; `done/0000003` is written when
that part is complete, and holds its counts; `out/` becomes OUT by one rename, with its manifest.
"""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ml.io import files
from ml.io.errors import UserError

MANIFEST = "_manifest.json"
Record = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A started job; `old` if it resumes an earlier process."""

    output: Path
    name: str
    time: str
    origin: Record
    old: bool

    @property
    def folder(self) -> Path:
        """The folder of the parts until they are published."""
        return _beside(self.output)

    @property
    def out(self) -> Path:
        """The folder that becomes the output."""
        return self.folder / "out"

    def parts(self) -> dict[int, Record]:
        """The counts of the complete parts, by number."""
        return {int(path.name): files.read_json(path) for path in sorted((self.folder / "done").glob("[0-9]*"))}

    def finish_part(self, number: int, counts: Record) -> None:
        """Mark a part as complete, after all of its files are written."""
        files.write_json(counts, self.folder / "done" / f"{number:07d}")

    def publish(self, manifest: Record) -> None:
        """Publish the output under its name, after it is flushed to disk."""
        files.write_json({**manifest, "job": self.name, "time": self.time, "origin": self.origin}, self.out / MANIFEST)
        for path in [*self.out.rglob("*"), self.out]:
            files.sync(path)
        if self.output.exists():
            raise UserError(f"{self.output} was created meanwhile. Move it away and run the command again.")
        self.out.rename(self.output)
        files.sync(self.output.parent)
        shutil.rmtree(self.folder, ignore_errors=True)


def finished(output: Path, origin: Record) -> Record | None:
    """The manifest of an output of this same job; raises UserError if another output exists."""
    if not output.exists() and not output.is_symlink():
        return None
    manifest = files.read_json(output / MANIFEST) if (output / MANIFEST).is_file() else {}
    if not origin["source"] or manifest.get("origin") != origin:
        raise UserError(f"{output} already exists with other rows or another model. Set another OUT.")
    shutil.rmtree(_beside(output), ignore_errors=True)
    return manifest


@contextmanager
def begun(output: Path, origin: Record) -> Generator[Job]:
    """The job that makes `output` from `origin`; a second process for the same output is refused.

    Parts of an earlier process are reused if it had the same origin, otherwise removed. `origin["source"]` is None if
    it is unknown whether the rows are the same: then they are removed as well.
    """
    folder = _beside(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{output} cannot be made: {error.strerror}. Set another OUT.") from None
    with files.locked(folder / "lock", f"{output} is being written by another process. Wait for it, or stop it."):
        if output.exists():  # another process has published it in the meantime
            raise UserError(f"{output} was created meanwhile. Move it away and run the command again.")
        known = _known(folder / "job.json")
        old = bool(known) and bool(origin["source"]) and known["origin"] == origin
        if not old:
            for path in folder.iterdir():
                if path.name != "lock":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            now = datetime.now(UTC).isoformat(timespec="microseconds")
            known: Record = {"origin": origin, "name": os.urandom(8).hex(), "time": now}
            files.write_json(known, folder / "job.json")
        for path in folder.rglob(".*"):  # incomplete files of a killed process
            path.unlink()
        yield Job(output, known["name"], known["time"], origin, old)


def _known(path: Path) -> Record:
    try:
        return files.read_json(path)
    except UserError:  # absent, or from a process that was killed early
        return {}


def _beside(output: Path) -> Path:
    return output.with_name(f".{output.name}.part")
