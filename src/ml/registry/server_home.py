"""The server home: an MLflow server holds versions, aliases, model files and, in tags, the entries of the ledger."""

import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ml.io.errors import UserError
from ml.model import identity
from ml.registry import ledger, mirror, outbox, tracking
from ml.registry.entries import loads
from ml.registry.ledger import Entry, State, Version

ENTRY = "ledger.entry"
EVENT = "ledger."
VERDICT = "monitoring."
DEPLOYMENT = "deployment."
PLAN = "unfinished"


class Server:
    """The registry on the server in MLFLOW_TRACKING_URI."""

    def __init__(self, project: str, home: Path = tracking.HOME) -> None:
        self.project, self.home, self.waiting = project, home, home / "outbox" / "versions"
        with tracking.answered():
            self.client = tracking.open_client(home)

    def state(self) -> State:
        """Everything that is registered, with the server's version numbers and aliases."""
        with tracking.answered():
            found = [v for v in mirror.found(self.client, self.project) if ENTRY in v.tags]
            model = self._model() if found else None
        read = {int(v.version): _entries([v.tags[ENTRY]], f"tag {ENTRY} of version {v.version}") for v in found}
        versions = {number: Version(number, entries[0]) for number, entries in read.items() if entries}
        tags = {key: text for key, text in (model.tags if model else {}).items() if key.startswith(EVENT)}
        by_digest = {v.model: v.number for v in versions.values()}
        moves = _entries(tags.values(), f"tags {EVENT}* of {self.project}")
        moves = [entry for entry in moves if entry["model"] in by_digest]  # a version may be deleted on the server
        entries = [v.entry for v in versions.values()] + moves
        aliases: dict[str, int] = {}
        events = []
        for entry in sorted(entries, key=lambda e: e["time"]):
            number = by_digest[entry["model"]]
            aliases = ledger.moved(aliases, entry["action"], number)
            events.append(ledger.event(entry, number, aliases.get(ledger.CHAMPION)))
        current = {alias: int(number) for alias, number in (model.aliases if model else {}).items()}
        return State(tuple(versions[n] for n in sorted(versions)), current, tuple(events))

    def register(self, entry: Entry, folder: Path) -> State:
        """Add a version with the model files in `folder`; it is stored for later if the server does not respond."""
        outbox.put(self.waiting, entry["model"], entry, {"": sorted(folder.iterdir())})
        try:
            tracking.send(self.project, self.home)
            outbox.send(self.waiting, self._register)
        except UserError as error:
            raise UserError(
                f"{error}\nThe version waits in {self.waiting}; the next `make register` sends it."
            ) from None
        return self.state()

    def move(self, entry: Entry) -> State:
        """Move aliases according to the entry and add it to the history; repeating the entry changes nothing.

        Each alias is a separate write, so an interrupted move looks like another state; the plan holds the intended
        one.
        """
        state, plan = self.state(), self.unfinished()
        if plan is not None and plan["entry"] == entry:
            aliases = plan["aliases"]
        else:
            aliases = ledger.moved(state.aliases, entry["action"], state.known(entry["model"]).number)
        with tracking.answered():
            self.client.set_registered_model_tag(
                self.project, EVENT + entry["time"].removesuffix("+00:00"), json.dumps(entry)
            )
            mirror.point(self.client, self.project, aliases)
        return self.state()

    def unfinished(self) -> Entry | None:
        """The plan of an unfinished move of the champion."""
        with tracking.answered():
            found = self.client.search_registered_models(f"name = '{self.project}'")
        text = found[0].tags.get(PLAN) if found else None
        try:
            return json.loads(text) if text else None
        except (ValueError, RecursionError):
            raise UserError(f"tag {PLAN} of {self.project} is damaged. Delete it on the server, and repeat.") from None

    def begin(self, plan: Entry) -> None:
        """Keep the plan of a move until `finish`."""
        with tracking.answered():
            mirror.ensure(self.client, self.project)
            self.client.set_registered_model_tag(self.project, PLAN, json.dumps(plan))

    def finish(self) -> None:
        """Delete the plan of a move."""
        if self.unfinished():
            with tracking.answered():
                self.client.delete_registered_model_tag(self.project, PLAN)

    def content(self, version: Version) -> dict[str, bytes]:
        """Model and contract of a version by file; raises UserError when they differ from the registered model."""
        with tracking.answered(), tempfile.TemporaryDirectory() as folder:
            known = self.client.get_model_version(self.project, str(version.number))
            paths = [self.client.download_artifacts(known.run_id, f"model/{name}", folder) for name in identity.PARTS]
            content = {name: Path(path).read_bytes() for name, path in zip(identity.PARTS, paths, strict=True)}
        if not identity.named(content, version.model):
            raise UserError(
                f"version {version.number} on the server differs from the registered model. Restore its files on the "
                "server, or run `make promote` with another version."
            )
        return content

    def fetch(self, version: Version, folder: Path) -> None:
        """Copy all files of a version into a new folder."""
        with tracking.answered(), tempfile.TemporaryDirectory() as place:
            known = self.client.get_model_version(self.project, str(version.number))
            shutil.copytree(self.client.download_artifacts(known.run_id, "model", place), folder)

    def verdicts(self) -> list[Entry]:
        """The verdicts of monitoring, oldest first."""
        return self._tags(VERDICT)

    def remember(self, verdict: Entry) -> None:
        """Add a verdict of monitoring to its history."""
        self._tag(VERDICT, verdict)

    def deployments(self) -> list[Entry]:
        """The steps of all deployments."""
        return self._tags(DEPLOYMENT)

    def note(self, step: Entry) -> None:
        """Add a step of a deployment."""
        self._tag(DEPLOYMENT, step)

    def _tags(self, kind: str) -> list[Entry]:
        with tracking.answered():
            found = self.client.search_registered_models(f"name = '{self.project}'")
        tags = found[0].tags if found else {}
        return _entries((tags[key] for key in sorted(tags) if key.startswith(kind)), f"tags {kind}* of {self.project}")

    def _tag(self, kind: str, entry: Entry) -> None:
        with tracking.answered():
            mirror.ensure(self.client, self.project)
            key = kind + entry["time"].removesuffix("+00:00")
            self.client.set_registered_model_tag(self.project, key, json.dumps(entry))

    def _register(self, entry: Entry, folder: Path) -> None:
        state = self.state()
        if known := state.of(entry["model"]):
            last = state.events[-1]
            # An interrupted command may have left the version without its alias.
            if (last.action, last.version) == ("register", known.number):
                with tracking.answered():
                    mirror.point(self.client, self.project, ledger.moved(state.aliases, "register", known.number))
            return
        with tracking.answered():
            run_id = tracking.record_run(self.client, self.project, entry["run"])
            self.client.log_artifacts(run_id, str(folder), "model")
            mirror.ensure(self.client, self.project)
            source = f"{self.client.get_run(run_id).info.artifact_uri}/model"
            tags = mirror.tags(entry) | {ENTRY: json.dumps(entry)}
            number = mirror.create(self.client, self.project, source, run_id, tags)
            mirror.point(self.client, self.project, ledger.moved(state.aliases, "register", number))

    def _model(self) -> Any:
        return self.client.get_registered_model(self.project)


def _entries(texts: Iterable[str], where: str) -> list[Entry]:
    """The entries in tags; an entry that does not match the schema is reported and left out."""
    return [entry for text in texts for entry in loads(text.encode(errors="replace"), where, torn=True)]
