"""The ledger: an entry for each action on the registry, and the state that follows from them.

An entry names a model by its digest, never by version number: version 3 is the third registered model. If two people
register at the same time, the entries of the later push follow those of the earlier one unchanged.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ml.io.errors import UserError
from ml.io.text import one_line
from ml.model.lineage import Lineage
from ml.model.parts import CHALLENGER, CHAMPION, PREVIOUS

Entry = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """One registered model: its number and the entry that registered it."""

    number: int
    entry: Entry
    pruned: bool = False  # its files were deleted; its record is kept

    @property
    def model(self) -> str:
        """The digest of its model and contract (ml.model.identity)."""
        return self.entry["model"]

    @property
    def lineage(self) -> Lineage:
        """Where the model comes from; raises UserError when newer code has recorded it."""
        return Lineage.taken(self.entry["run"]["lineage"], f"the lineage of version {self.number}")


@dataclass(frozen=True)
class Event:
    """One action on a version, and the champion after it."""

    time: str
    who: str
    action: str
    version: int
    reason: str
    champion: int | None


@dataclass(frozen=True)
class State:
    """Versions in order of number, which version each alias names, and the history, oldest first."""

    versions: tuple[Version, ...] = ()
    aliases: dict[str, int] = field(default_factory=dict)
    events: tuple[Event, ...] = ()

    def version(self, number: int) -> Version:
        """One version by number; raises UserError listing the known versions."""
        for version in self.versions:
            if version.number == number:
                return version
        known = ", ".join(str(v.number) for v in self.versions[-10:]) or "none yet"
        raise UserError(f"there is no version {number}; known: {known}. `make models` lists them.")

    def of(self, model: str) -> Version | None:
        """The version of a model digest."""
        return next((v for v in self.versions if v.model == model), None)

    def known(self, model: str) -> Version:
        """The version of a registered model digest; raises UserError when there is none."""
        found = self.of(model)
        if found is None:
            raise UserError(f"no version has the model {model[:12]}. `make models` lists them.")
        return found

    def named(self, alias: str) -> Version | None:
        """The version that an alias names."""
        return self.version(self.aliases[alias]) if alias in self.aliases else None


def fold(entries: Iterable[Entry]) -> State:
    """The state after all entries, in their order."""
    versions: dict[str, Version] = {}
    aliases: dict[str, int] = {}
    events = []
    for entry in entries:
        action, model = entry["action"], entry["model"]
        new = action == "register" and model not in versions
        if not new and model not in versions:
            continue  # its model is not registered; entries.registered reports it
        if new:
            versions[model] = Version(len(versions) + 1, entry)
        # A promotion needs the files (registry.present). If another clone pruned them in the meantime, the version
        # keeps its files whichever push came first: the next push or pull restores them.
        pruned = action == "prune" and versions[model].number not in aliases.values()
        version = versions[model] = replace(versions[model], pruned=pruned)
        if new or action != "register":  # registering a pruned model again restores its files and adds no version
            aliases = moved(aliases, action, version.number)
        events.append(event(entry, version.number, aliases.get(CHAMPION)))
    return State(tuple(versions.values()), aliases, tuple(events))


def moved(aliases: dict[str, int], action: str, number: int) -> dict[str, int]:
    """The aliases after an action on a version; the replaced champion becomes `previous`."""
    champion = aliases.get(CHAMPION)
    if action == "register" and number != champion:
        return aliases | {CHALLENGER: number}
    if action not in {"promote", "rollback"} or number == champion:
        return aliases
    kept = {name: n for name, n in aliases.items() if n != number}
    return kept | {CHAMPION: number} | ({PREVIOUS: champion} if champion else {})


def event(entry: Entry, number: int, champion: int | None) -> Event:
    """An entry as a line of the history."""
    return Event(entry["time"], entry["who"], entry["action"], number, entry.get("reason", ""), champion)


def merge(theirs: list[Entry], ours: list[Entry]) -> list[Entry]:
    """Both ledgers merged: their entries unchanged, then the entries that only we have, in our order.

    A model that both sides registered keeps their entry; our promotions still apply to it, because they name the
    digest.
    """
    registered = {version.model for version in fold(theirs).versions if not version.pruned}
    return theirs + [
        entry
        for entry in ours
        if entry not in theirs and not (entry["action"] == "register" and entry["model"] in registered)
    ]


def union(theirs: list[Entry], ours: list[Entry]) -> list[Entry]:
    """All lines of both sides: their lines unchanged, then those that only we have."""
    return theirs + [entry for entry in ours if entry not in theirs]


def sentence(entry: Entry, state: State) -> str:
    """An entry, a verdict of monitoring, or a step of a deployment, as a line of a log."""
    version = state.of(entry["model"])
    named = f"version {version.number}" if version else "a model that is not registered"
    if "env" in entry:
        named += f" in {entry['env']} ({entry['target']})"
    return one_line(f"{entry['action']} {named} by {entry['who']}: {_verdict(entry) or entry['reason'] or '-'}")


def _verdict(entry: Entry) -> str:
    """The verdict as one word; monitoring stores a word, the gates store a record."""
    verdict = entry.get("verdict", "")
    if isinstance(verdict, str):
        return verdict
    return "the gates passed" if verdict.get("passed") else f"against the gates: {entry['reason']}"


def doomed(state: State, keep: int) -> list[Version]:
    """The versions whose files may be deleted: older than the last `keep`, and without an alias."""
    named = set(state.aliases.values())
    return [v for v in state.versions[: max(len(state.versions) - keep, 0)] if v.number not in named and not v.pruned]
