"""The record of deployments: image, environment, time, author and result.

The registry keeps it (`deployments.jsonl` in the embedded home). Lines are only ever added: one when a deployment
starts and one when it ends, so a killed one is visible too.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ml.io.errors import UserError
from ml.registry import registry

STARTED, DEPLOYED = "started", "deployed"
Entry = dict[str, Any]


@dataclass(frozen=True)
class Where:
    """An environment: its name, its target, and its port on this machine (0: as before, else deploy.ports)."""

    env: str
    target: str = "local"
    port: int = 0


@dataclass(frozen=True)
class Deployment:
    """One deployment; `outcome` is started while it runs, or if its process was killed."""

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


def begin(where: Where, image: str, model: str, before: str) -> Entry:
    """The line of a starting deployment."""
    more = {"id": secrets.token_hex(6), "env": where.env, "target": where.target, "image": image, "before": before}
    return registry.stamped(STARTED, model, "", **more)


def end(begun: Entry, outcome: str, reason: str) -> Entry:
    """The line of a finished deployment."""
    same = {key: begun[key] for key in ("id", "env", "target", "image")}
    return registry.stamped(outcome, begun["model"], reason[:1000], **same)


def fold(entries: Iterable[Entry]) -> list[Deployment]:
    """All deployments, oldest first."""
    found: dict[str, Deployment] = {}
    for entry in sorted(entries, key=lambda entry: entry["time"]):  # branches are merged in any order
        if entry["action"] == STARTED:
            known = {key: entry[key] for key in ("id", "time", "who", "env", "target", "image", "model", "before")}
            found[entry["id"]] = Deployment(**known)
        elif entry["id"] in found:
            ended = {"outcome": entry["action"], "reason": entry["reason"], "ended": entry["time"]}
            found[entry["id"]] = replace(found[entry["id"]], **ended)
    return list(found.values())


def previous(history: list[Deployment], where: Where, model: str = "") -> Deployment:
    """The last image before the present one, or the last one of a model; raises UserError if there was none."""
    held = [d for d in history if (d.env, d.target, d.outcome) == (where.env, where.target, DEPLOYED)]
    for found in reversed(held):
        if found.image != held[-1].image and found.model == (model or found.model):
            return found
    wanted = f"no other image with model {model[:12]}" if model else "nothing else"
    raise UserError(f"{wanted} was deployed to {where.env} ({where.target}) before. See `make deploy DO=list`.")
