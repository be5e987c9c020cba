"""An output at a URL of fsspec: written on this machine, then uploaded file by file, the manifest last.

Object stores have no rename, so OUT is complete if it has a manifest. Until then `_started.json` describes the upload.
"""

import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ml.engine.job import MANIFEST, Record
from ml.engine.source import shown
from ml.io import files
from ml.io.errors import UserError

STARTED = "_started.json"


@dataclass(frozen=True)
class Store:
    """A folder at a URL."""

    url: str

    @property
    def staging(self) -> Path:
        """The local folder in which the output is made."""
        return (files.BUILD / f"score-{sha256(self.url.encode()).hexdigest()[:12]}").absolute()

    def finished(self, origin: Record) -> Record | None:
        """The manifest of an output of this same job; raises UserError if another output exists."""
        with self._reached() as (system, folder):
            if not folder.startswith("/") and not system.exists(bucket := folder.partition("/")[0]):
                raise UserError(f"{shown(self.url)} cannot be written: there is no {bucket}. Make it, or correct OUT.")
            if not system.exists(folder) or not system.find(folder):
                return None
            manifest, started = (self._read(system, f"{folder}/{name}") for name in (MANIFEST, STARTED))
        known = manifest or started
        if not origin["source"] or not known or known["origin"] != origin:
            raise UserError(f"{shown(self.url)} already exists with other rows or another model. Set another OUT.")
        return manifest

    def clear(self, origin: Record) -> None:
        """Remove local files of another job, and files made from unknown rows."""
        manifest = self.staging / MANIFEST
        if self.staging.exists() and (not origin["source"] or files.read_json(manifest).get("origin") != origin):
            shutil.rmtree(self.staging)

    def put(self, origin: Record) -> None:
        """Upload the local output, and remove the local files; raises UserError if another machine was faster."""
        job = files.read_json(self.staging / MANIFEST)["job"]
        with self._reached() as (system, folder):
            _made(system, folder)
            self._must_be_ours(system, folder, job)
            system.pipe_file(f"{folder}/{STARTED}", json.dumps({"origin": origin, "job": job}).encode())
            paths = sorted(path for path in self.staging.rglob("*") if path.is_file() and path.name != MANIFEST)
            for path in [*paths, self.staging / MANIFEST]:
                there = f"{folder}/{path.relative_to(self.staging).as_posix()}"
                _made(system, there.rpartition("/")[0])
                system.put_file(str(path), there)
            system.rm_file(f"{folder}/{STARTED}")
        shutil.rmtree(self.staging)

    def _must_be_ours(self, system: Any, folder: str, job: str) -> None:
        """Raise UserError if another machine has put an output there meanwhile, or is at it: files of two jobs mix."""
        if self._read(system, f"{folder}/{MANIFEST}"):
            raise UserError(f"{shown(self.url)} was created meanwhile. Set another OUT and run the command again.")
        started = self._read(system, f"{folder}/{STARTED}")
        if started and started.get("job", job) != job:
            raise UserError(
                f"{shown(self.url)} is being written by another job, {started['job']}. Wait for it; if it no longer "
                "runs, delete the files there and run the command again: it resumes."
            )

    @contextmanager
    def _reached(self) -> Generator[tuple[Any, str]]:
        """The file system and the folder on it; converts its errors into a sentence."""
        try:
            import fsspec  # noqa: PLC0415

            system, folder = fsspec.core.url_to_fs(self.url)
            system.invalidate_cache()
            yield system, folder.rstrip("/")
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - every file system raises its own kinds
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise UserError(
                f"{shown(self.url)} cannot be written: {reason}. Correct the address or its "
                "credentials, and run the command again; it resumes."
            ) from None

    @staticmethod
    def _read(system: Any, path: str) -> Record | None:
        return json.loads(system.cat_file(path)) if system.exists(path) else None


def _made(system: Any, folder: str) -> None:
    """Create a folder if the file system has folders; in an object store this would create a bucket."""
    if folder.startswith("/"):
        system.makedirs(folder, exist_ok=True)


def at(out: str) -> Store | None:
    """The store at a URL; None for a folder on this machine."""
    return Store(out) if "://" in out and not out.startswith(("file://", "local://")) else None
