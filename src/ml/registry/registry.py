"""The registry: versions of the model, their aliases and their history, in one of two homes.

The embedded home is `.mlflow/` (see embedded_home.py); with MLFLOW_TRACKING_URI it is an MLflow server (see
server_home.py). Both have the same interface. Reading the embedded home does not import MLflow, so a gate that asks for
the champion pays nothing.
"""

import getpass
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ml.io.errors import UserError
from ml.model.lineage import Lineage
from ml.registry import entries, tracking
from ml.registry.embedded_home import Embedded
from ml.registry.ledger import CHAMPION, PREVIOUS, Entry, State, Version
from ml.registry.tracking import HOME


class Registry(Protocol):
    """The interface of both homes."""

    def state(self) -> State:
        """Everything that is registered."""

    def register(self, entry: Entry, folder: Path) -> State:
        """Add a version with the model files in `folder`; adding a registered model changes nothing."""

    def move(self, entry: Entry) -> State:
        """Move aliases according to the entry and add it to the history; repeating the entry changes nothing."""

    def unfinished(self) -> Entry | None:
        """The plan of an unfinished move of the champion (ml.registry.operation)."""

    def begin(self, plan: Entry) -> None:
        """Keep the plan of a move until `finish`."""

    def finish(self) -> None:
        """Delete the plan of a move."""

    def content(self, version: Version) -> dict[str, bytes]:
        """Model and contract of a version by file; they determine its digest."""

    def verdicts(self) -> list[Entry]:
        """The verdicts of monitoring, oldest first."""

    def remember(self, verdict: Entry) -> None:
        """Add a verdict of monitoring to its history."""

    def deployments(self) -> list[Entry]:
        """The steps of all deployments."""

    def note(self, step: Entry) -> None:
        """Add a step of a deployment."""

    def fetch(self, version: Version, folder: Path) -> None:
        """Copy all files of a version into a new folder: what serving loads, MLflow's own files, the card."""


@dataclass(frozen=True)
class ChampionVersion:
    """The champion: the version that serves."""

    version: int
    model: bytes
    lineage: Lineage
    digest: str


def open_registry(project: str, home: Path = HOME) -> Registry:
    """The registry of a project, in `.mlflow/` or on a server."""
    if tracking.server():
        from ml.registry.server_home import Server  # noqa: PLC0415

        return Server(project, home)
    return Embedded(project, home)


def embedded_home(project: str, home: Path = HOME) -> Embedded:
    """The registry in `.mlflow/`; raises UserError when the registry is a server, which needs no branch."""
    if address := tracking.server():
        where = tracking.shown(address)
        raise UserError(
            f"the registry is the server {where}, which everyone shares, so pull, push and prune are not needed."
        )
    return Embedded(project, home)


def champion(home: Path, project: str) -> ChampionVersion | None:
    """The champion with its model file and lineage; None when no version has been promoted yet."""
    registry = open_registry(project, home)
    version = registry.state().named(CHAMPION)
    if version is None:
        return None
    return ChampionVersion(version.number, registry.content(version)["model.skops"], version.lineage, version.model)


def promotable(verdict: dict[str, Any], before: Version | None) -> bool:
    """Whether the gates' verdict permits promotion without a person's confirmation."""
    enough = {"better", "not worse"} if before else {"better", "not worse", "no champion", ""}
    return verdict["passed"] and verdict.get("champion", "") in enough


def outdated(verdict: dict[str, Any], before: Version | None) -> bool:
    """Whether the champion has changed since the gates compared with it."""
    return verdict.get("against") != (before.model if before else None)


def present(version: Version) -> Version:
    """The version if its files are present; raises UserError when they were pruned."""
    if version.pruned:
        commit = version.lineage.commit
        back = f"`git checkout {commit[:12]}`, `make run`" if commit else "build it as it was"
        raise UserError(
            f"version {version.number} cannot be champion: its files were pruned. To restore them: {back}, "
            "`make register`."
        )
    return version


def target(state: State, number: int | None) -> Version:
    """The version to roll back to: the requested one, otherwise `previous`; raises UserError when there is none."""
    if number is None and PREVIOUS not in state.aliases:
        raise UserError("there is no previous champion. Select a version: make rollback TO=1")
    version = state.version(state.aliases[PREVIOUS] if number is None else number)
    if version.number == state.aliases.get(CHAMPION):
        raise UserError(f"version {version.number} is already the champion; no rollback is needed.")
    return present(version)


def stamped(action: str, model: str, reason: str, **more: Any) -> Entry:
    """An entry of the ledger with the time and its author: a person or a workflow run."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return {"action": action, "model": model, "time": now, "who": _who(), "reason": entries.reason(reason), **more}


def _who() -> str:
    """The workflow run, else the git user, else the account."""
    run = os.environ.get("GITHUB_RUN_ID")
    if run:
        server, repository = os.environ["GITHUB_SERVER_URL"], os.environ["GITHUB_REPOSITORY"]
        return f"{os.environ['GITHUB_ACTOR']} ({server}/{repository}/actions/runs/{run})"
    done = subprocess.run(["git", "config", "user.name"], capture_output=True, check=False)
    return done.stdout.decode(errors="replace").strip() or getpass.getuser()
