"""A repeatable move of the champion: after an interruption at any point, the same command finishes it.

A move consists of several writes (the ledger or a server's tags, aliases, an image in an environment). The home stores
the plan of a move, with the chosen version, before the first write and deletes it after the last.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ml.io import cli
from ml.io.errors import UserError
from ml.registry import ledger, registry
from ml.registry.ledger import State, Version
from ml.registry.registry import Registry
from ml.registry.tracking import HOME

Plan = dict[str, Any]
MOVES = ("promote", "rollback")


@contextmanager
def alone(home: Path = HOME) -> Generator[None]:
    """Lock the registry for one command that moves the champion; raises UserError while it is locked."""
    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / "operation.lock", timeout=0):
            yield
    except Timeout:
        raise UserError(
            "another command is changing the champion. Wait for it, check with `make models`, then repeat."
        ) from None


def resumed(store: Registry, asked: Plan) -> Plan | None:
    """The unfinished plan of this command; a plan that a later move made obsolete is deleted."""
    plan = store.unfinished()
    if plan is None:
        return None
    mine = plan["entry"] and plan["entry"]["time"]
    if plan["asked"] == asked and _last(store.state()) in {plan["after"], mine}:
        cli.say(f"registry: finishing the {asked['action']} of {plan['time'][:19]}, which was interrupted")
        return plan
    cli.say(f"registry: the {plan['asked']['action']} of {plan['time'][:19]} was interrupted; this command replaces it")
    store.finish()
    return None


def waits(store: Registry, asked: Plan) -> bool:
    """Whether this command has an unfinished plan."""
    plan = store.unfinished()
    return plan is not None and plan["asked"] == asked


def begun(store: Registry, asked: Plan, chosen: Version | None, reason: str, **more: Any) -> Plan:
    """The plan of a command, stored before any other write; without a target version it has no entry."""
    state = store.state()
    entry = registry.stamped(asked["action"], chosen.model if chosen else "", reason)
    moves = chosen is not None and chosen.number != state.aliases.get(ledger.CHAMPION)
    plan: Plan = {
        "asked": asked,
        "after": _last(state),
        "time": entry["time"],
        "entry": entry if moves else None,
        **more,
    }
    if moves:
        plan["aliases"] = ledger.moved(state.aliases, asked["action"], chosen.number)
    store.begin(plan)
    return plan


def carried_out(store: Registry, plan: Plan) -> State:
    """The state after the champion has moved as planned; the caller reports this and then calls `store.finish`."""
    return store.move(plan["entry"]) if plan["entry"] else store.state()


def _last(state: State) -> str:
    """The time of the last move; a plan stores it to detect a later move."""
    return next((event.time for event in reversed(state.events) if event.action in MOVES), "")
