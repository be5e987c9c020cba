"""List the registered versions."""

from datetime import UTC, datetime

from ml.io import cli
from ml.io.text import columns, figure
from ml.registry import registry
from ml.registry.ledger import Event, State, Version
from ml.settings.metric_names import HIGHER_IS_BETTER
from ml.settings.params import read_params

SHOWN = ("accuracy", "roc_auc")  # if a version has both


def main(history: bool = False) -> None:
    """Print the versions with aliases, metrics, commit, data and age; --history prints all actions."""
    project = read_params().project
    state = registry.open_registry(project).state()
    if not state.versions:
        cli.tell(f"{project} has no versions yet. Next: make run, make register (or make registry DO=pull)")
    elif history:
        cli.tell(
            columns(["when (UTC)", "who", "action", "version", "champion after", "reason"], map(_event, state.events))
        )
    else:
        names = _metrics(state.versions[-1])
        header = ["version", "aliases", *names, "commit", "data", "age", "model"]
        cli.tell(columns(header, [_version(v, state, names) for v in reversed(state.versions)]))


def _metrics(newest: Version) -> list[str]:
    """The two shown metrics: those of the newest version's task, which another version may lack."""
    known = newest.entry["run"]["metrics"]
    return [name for name in dict.fromkeys([*SHOWN, *HIGHER_IS_BETTER]) if name in known][: len(SHOWN)]


def _version(version: Version, state: State, names: list[str]) -> list[str]:
    metrics, lineage = version.entry["run"]["metrics"], version.lineage
    aliases = [name for name, number in state.aliases.items() if number == version.number]
    aliases += ["forced"] if version.entry["reason"] else []
    return [
        str(version.number),
        ", ".join(aliases),
        *(figure(metrics[name], 4) if name in metrics else "-" for name in names),
        (lineage.commit or "none")[:8] + ("+" if lineage.changed else ""),
        (lineage.data.md5 or "none")[:8],
        age(version.entry["time"]),
        version.model[:12] + (" (pruned)" if version.pruned else ""),
    ]


def _event(event: Event) -> list[str]:
    return [
        event.time[:19].replace("T", " "),
        event.who,
        event.action,
        str(event.version),
        str(event.champion or "none"),
        event.reason,
    ]


def age(time: str) -> str:
    """The age in the largest fitting unit."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return "now"


if __name__ == "__main__":
    cli.run(main)
