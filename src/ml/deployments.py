"""Which image was deployed where, when, by whom, and what became of it: `deployments.jsonl` in the registry's home.

Lines are only ever added: one when a deployment starts and one when it ends, so one that was killed shows too.
"""

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from ml import embedded, files, registry
from ml.errors import UserError
from ml.tracking import HOME

NAME = "deployments.jsonl"
STARTED, DEPLOYED = "started", "deployed"
Entry = dict[str, Any]


@dataclass(frozen=True)
class Deployment:
    """One deployment; `outcome` is started while it runs, or when its process was killed."""

    id: str
    time: str
    who: str
    env: str
    target: str
    image: str
    model: str
    before: str = ""
    outcome: str = STARTED
    reason: str = ""
    ended: str = ""


def begin(env: str, target: str, image: str, model: str, before: str) -> Entry:
    """The line of a deployment that starts."""
    more = {"id": secrets.token_hex(6), "env": env, "target": target, "image": image, "before": before}
    return registry.stamped(STARTED, model, "", **more)


def end(begun: str, outcome: str, reason: str) -> Entry:
    """The line of a deployment that ended."""
    return registry.stamped(outcome, "", reason, id=begun)


def append(entry: Entry, home: Path = HOME) -> None:
    """Add a line; nobody else writes meanwhile, a crash leaves the old lines."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "deployments.lock"):
        before = (home / NAME).read_bytes() if (home / NAME).exists() else b""
        files.write_bytes(before + embedded.dumps([entry]), home / NAME)


def read(home: Path = HOME) -> list[Deployment]:
    """All deployments, oldest first."""
    path = home / NAME
    found: dict[str, Deployment] = {}
    for entry in embedded.loads(path.read_bytes(), str(path)) if path.exists() else []:
        if entry["action"] == STARTED:
            known = {key: entry[key] for key in ("id", "time", "who", "env", "target", "image", "model", "before")}
            found[entry["id"]] = Deployment(**known)
        elif entry["id"] in found:
            ended = {"outcome": entry["action"], "reason": entry["reason"], "ended": entry["time"]}
            found[entry["id"]] = replace(found[entry["id"]], **ended)
    return list(found.values())


def serving(history: list[Deployment], env: str, target: str) -> Deployment | None:
    """The last deployment of an environment that stayed."""
    return next((d for d in reversed(history) if (d.env, d.target, d.outcome) == (env, target, DEPLOYED)), None)


def previous(history: list[Deployment], env: str, target: str) -> Deployment:
    """The deployment that served before the present image; raises UserError when there was none."""
    now = serving(history, env, target)
    for found in reversed(history):
        if (found.env, found.target, found.outcome) == (env, target, DEPLOYED) and now and found.image != now.image:
            return found
    raise UserError(f"nothing else was deployed to {env} ({target}) before, so there is nothing to go back to.")
