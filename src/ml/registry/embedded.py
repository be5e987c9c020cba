"""The embedded home: a ledger and model folders in `.mlflow/`; MLflow's database beside them is a view of both.

`ledger.jsonl`, `monitoring.jsonl` and `deployments.jsonl` (an entry, a verdict or a step a line, replaced whole) and
`models/DIGEST/` (never changed once there) are the truth, and travel over a git branch. `mlflow.db` is brought up to
date from them, and may be deleted at any time but for its runs.
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ml import files, identity
from ml.errors import UserError
from ml.registry import ledger, mirror, tracking
from ml.registry.ledger import Entry, State, Version

LEDGER, VERDICTS, DEPLOYMENTS = "ledger.jsonl", "monitoring.jsonl", "deployments.jsonl"


class Embedded:
    """The registry in a directory; several processes may use it at once."""

    def __init__(self, project: str, home: Path = tracking.HOME) -> None:
        self.project, self.home = project, home

    def entries(self, name: str = LEDGER) -> list[Entry]:
        """The ledger, what monitoring found, or what was deployed, oldest first."""
        path = self.home / name
        return loads(path.read_bytes(), str(path)) if path.exists() else []

    def state(self) -> State:
        """Everything that is registered."""
        return ledger.fold(self.entries())

    def verdicts(self) -> list[Entry]:
        """What monitoring has found, oldest first."""
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
        """Replace the ledger by what `edit` makes of it; nobody else writes meanwhile, a crash leaves the old."""
        from filelock import FileLock  # noqa: PLC0415  (serving only reads, and has no filelock)

        self.home.mkdir(parents=True, exist_ok=True)
        with FileLock(self.home / "ledger.lock"):
            before = self.entries(name)
            after = edit(before)
            if after != before:
                files.write_bytes(dumps(after), self.home / name)
        return after

    def register(self, entry: Entry, folder: Path) -> State:
        """Add a version with the model files in `folder`; the same model again changes nothing."""
        self.keep(entry["model"], folder)
        return self._append(entry, unless=lambda state: (known := state.of(entry["model"])) and not known.pruned)

    def move(self, entry: Entry) -> State:
        """Move aliases as the entry says, and keep it in the history."""
        return self._append(entry)

    def prune(self, entries: list[Entry]) -> State:
        """Keep what the entries say, then delete the files of the models that they name."""
        self.change(lambda known: known + entries)
        for entry in entries:
            shutil.rmtree(self.folder(entry["model"]), ignore_errors=True)
        return self.show()

    def content(self, version: Version) -> dict[str, bytes]:
        """Model and contract of a version by file; raises UserError when they are gone or not what was registered."""
        folder = self.folder(version.model)
        lacking = [name for name in identity.PARTS if not (folder / name).exists()]
        if lacking:
            why = "its files were pruned" if version.pruned else f"{folder / lacking[0]} is missing"
            cure = "build it again at its commit and register it" if version.pruned else "pull it again"
            raise UserError(f"version {version.number} cannot be loaded: {why}; {cure}.")
        content = identity.read(folder)
        if not identity.named(content, version.model):
            raise UserError(f"{folder} is not the model that was registered. Delete it; make registry-pull.")
        return content

    def fetch(self, version: Version, folder: Path) -> None:
        """Copy all files of a version into a new folder."""
        self.content(version)  # whole, and what was registered
        shutil.copytree(self.folder(version.model), folder)

    def folder(self, model: str) -> Path:
        """Where the files of a model are."""
        return self.home / "models" / model

    def keep(self, model: str, folder: Path) -> None:
        """Copy model files into the home, whole or not at all."""
        if not self.folder(model).exists():
            self.home.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=self.home, prefix=".model."))
            shutil.copytree(folder, temporary, dirs_exist_ok=True)
            temporary.chmod(0o755)
            self.take(model, temporary)

    def take(self, model: str, folder: Path) -> None:
        """Move a folder of model files, which is on the same disk, to its place in the home."""
        self.folder(model).parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(self.folder(model))
        except OSError:
            if not self.folder(model).exists():
                raise
            shutil.rmtree(folder)  # somebody was faster, and it is the same model

    def show(self) -> State:
        """Bring MLflow's database up to date with the ledger; the state they agree on."""
        from filelock import FileLock  # noqa: PLC0415

        with FileLock(self.home / "view.lock"):
            state = self.state()
            tracking.send(self.project, self.home)
            if state.versions:
                mirror.update(tracking.open_client(self.home), self.project, state)
        return state

    def _append(self, entry: Entry, unless: Callable[[State], object] = lambda _: False) -> State:
        self.change(lambda known: known if unless(ledger.fold(known)) else [*known, entry])
        return self.show()


def dumps(entries: list[Entry]) -> bytes:
    """A ledger as bytes: an entry a line."""
    return "".join(json.dumps(e, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n" for e in entries).encode()


def loads(content: bytes, where: str) -> list[Entry]:
    """The entries of a ledger; raises UserError with the line that is damaged."""
    entries = []
    for number, line in enumerate(content.decode().splitlines(), 1):
        try:
            entries.append(json.loads(line))
        except ValueError:
            raise UserError(f"{where}: line {number} is damaged. Take it from the branch: make registry-pull") from None
    return entries
