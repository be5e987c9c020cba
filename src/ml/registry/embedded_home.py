"""The embedded home: a ledger and model folders in `.mlflow/`; MLflow's database beside them is a view of both.

`ledger.jsonl`, `monitoring.jsonl` and `deployments.jsonl` (one entry, verdict or step on each line; each write replaces
the whole file) and `models/DIGEST/` (never changed after they are added) are authoritative and are shared over a git
branch. `mlflow.db` is updated from them; if it is deleted, only its runs are lost.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ml.io import cli, files
from ml.io.errors import UserError
from ml.model import identity
from ml.registry import ledger, tracking
from ml.registry.entries import DIGEST, dumps, loads
from ml.registry.ledger import Entry, State, Version

LEDGER, VERDICTS, DEPLOYMENTS = "ledger.jsonl", "monitoring.jsonl", "deployments.jsonl"
PLAN = "unfinished.json"
UNFINISHED = (".model.", ".pull.", ".gone.")  # folders that a killed process may leave
DAY_SECONDS = 86_400


class Embedded:
    """The registry in a directory; several processes may use it at once."""

    def __init__(self, project: str, home: Path = tracking.HOME) -> None:
        self.project, self.home = project, home

    def entries(self, name: str = LEDGER) -> list[Entry]:
        """The ledger, the verdicts of monitoring, or the steps of deployments, oldest first."""
        path = self.home / name
        return loads(path.read_bytes(), str(path)) if path.exists() else []

    def state(self) -> State:
        """Everything that is registered."""
        return ledger.fold(self.entries())

    def verdicts(self) -> list[Entry]:
        """The verdicts of monitoring, oldest first."""
        return sorted(self.entries(VERDICTS), key=lambda verdict: verdict["time"])

    def remember(self, verdict: Entry) -> None:
        """Add a verdict of monitoring to its history."""
        self.change(lambda known: [*known, verdict], VERDICTS)

    def deployments(self) -> list[Entry]:
        """The steps of all deployments."""
        return self.entries(DEPLOYMENTS)

    def note(self, step: Entry) -> None:
        """Add a step of a deployment."""
        self.change(lambda known: [*known, step], DEPLOYMENTS)

    def change(self, edit: Callable[[list[Entry]], list[Entry]], name: str = LEDGER) -> list[Entry]:
        """Replace the ledger by the result of `edit`, under a lock; after a crash the old ledger remains."""
        from filelock import FileLock  # noqa: PLC0415  (serving only reads, and has no filelock)

        self.home.mkdir(parents=True, exist_ok=True)
        with FileLock(self.home / "ledger.lock"):
            before = self.entries(name)
            after = edit(before)
            if after != before:
                files.write_bytes(dumps(after), self.home / name)
        return after

    def register(self, entry: Entry, folder: Path) -> State:
        """Add a version with the model files in `folder`; adding a registered model changes nothing."""
        self.keep(entry["model"], folder)
        return self._append(entry, unless=lambda known: (v := ledger.fold(known).of(entry["model"])) and not v.pruned)

    def move(self, entry: Entry) -> State:
        """Move aliases according to the entry and add it to the history; repeating the entry changes nothing."""
        return self._append(entry, unless=lambda known: entry in known)

    def prune(self, entries: list[Entry]) -> State:
        """Write the entries, then delete the files of all pruned models, also those of an interrupted prune."""
        known = self.change(lambda known: known + [entry for entry in entries if entry not in known])
        self.sweep(ledger.fold(known))
        return self.show()

    def sweep(self, state: State) -> None:
        """Delete the files of pruned models, and unfinished copies older than a day."""
        for version in state.versions:
            if version.pruned:
                self.drop(version.model)
        for path in self.home.glob(".*"):
            if path.name.startswith(UNFINISHED) and path.stat().st_mtime < time.time() - DAY_SECONDS:
                shutil.rmtree(path, ignore_errors=True)

    def unfinished(self) -> Entry | None:
        """The plan of an unfinished move of the champion."""
        path = self.home / PLAN
        try:
            return json.loads(path.read_bytes()) if path.exists() else None
        except (ValueError, RecursionError):
            raise UserError(
                f"{path} is damaged: it holds an unfinished rollback or promotion. Check the "
                "history with `make models HISTORY=1`, delete the file, and run the command "
                "again."
            ) from None

    def begin(self, plan: Entry) -> None:
        """Keep the plan of a move until `finish`."""
        files.write_json(plan, self.home / PLAN)

    def finish(self) -> None:
        """Delete the plan of a move."""
        (self.home / PLAN).unlink(missing_ok=True)

    def content(self, version: Version) -> dict[str, bytes]:
        """Model and contract of a version by file.

        Raises UserError when they are missing or differ from the registered model.
        """
        folder = self.folder(version.model)
        lacking = [name for name in identity.PARTS if not (folder / name).exists()]
        if lacking:
            why = "its files were pruned" if version.pruned else f"{folder / lacking[0]} is missing"
            cure = "build it again at its commit and register it" if version.pruned else "pull it again"
            raise UserError(f"version {version.number} cannot be loaded: {why}; {cure}.")
        content = identity.read(folder)
        if not identity.named(content, version.model):
            raise UserError(f"{folder} is not the model that was registered. Delete it; make registry DO=pull.")
        return content

    def fetch(self, version: Version, folder: Path) -> None:
        """Copy all files of a version into a new folder."""
        self.content(version)  # complete, and identical to the registered model
        shutil.copytree(self.folder(version.model), folder)

    def folder(self, model: str) -> Path:
        """The folder of a model's files; raises UserError for a name that is not a digest, or a link."""
        path = self.home / "models" / model
        if not DIGEST.fullmatch(model) or path.is_symlink():
            raise UserError(
                f"`{model[:80]}` is not a folder of a model: the name must be the 64 hex digits of its digest."
            )
        return path

    def whole(self, model: str) -> bool:
        """Whether the files that determine a model's digest are present and unchanged."""
        parts = [self.folder(model) / name for name in identity.PARTS]
        return all(map(Path.is_file, parts)) and identity.named(identity.read(self.folder(model)), model)

    def keep(self, model: str, folder: Path) -> None:
        """Copy model files into the home atomically."""
        if self.whole(model):
            return
        self.home.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=self.home, prefix=".model."))
        try:
            shutil.copytree(folder, temporary, dirs_exist_ok=True)
            temporary.chmod(0o755)
            self.take(model, temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def take(self, model: str, folder: Path) -> None:
        """Move a folder of model files, which is on the same disk, to its place in the home."""
        if not self.whole(model):
            self.drop(model)  # an incomplete folder
        self.folder(model).parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(self.folder(model))
        except OSError:
            if not self.folder(model).exists():
                raise  # otherwise another process has added the same model

    def drop(self, model: str) -> None:
        """Delete the files of a model; they are moved away first, so no incomplete model can remain."""
        if self.folder(model).exists():
            gone = Path(tempfile.mkdtemp(dir=self.home, prefix=".gone."))
            self.folder(model).rename(gone / model)
            shutil.rmtree(gone, ignore_errors=True)

    def mend(self) -> None:
        """Rename a damaged ledger or log and continue with its readable lines; a pull restores the others."""
        for name in (LEDGER, VERDICTS, DEPLOYMENTS):
            path = self.home / name
            try:
                self.entries(name)
            except UserError as error:
                kept = path.with_name(f"{name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
                files.write_bytes(path.read_bytes(), kept)
                files.write_bytes(dumps(loads(path.read_bytes(), str(path), torn=True)), path)
                cli.say(f"registry: {error} It is kept as {kept}.")

    def show(self) -> State:
        """Update MLflow's database from the ledger if possible; the state of the ledger."""
        from filelock import FileLock  # noqa: PLC0415

        from ml.registry import view  # noqa: PLC0415

        with FileLock(self.home / "view.lock"):
            state = self.state()
            view.refresh(self.home, self.project, state)
        return state

    def _append(self, entry: Entry, unless: Callable[[list[Entry]], object]) -> State:
        self.change(lambda known: known if unless(known) else [*known, entry])
        return self.show()
