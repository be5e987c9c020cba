"""Bring an earlier champion back."""

from ml import cli, ledger, registry
from ml.params import read_params


def main(to: int = 0, reason: str = "") -> None:
    """Make the previous champion, or version --to, the champion again; rolling back twice undoes the first."""
    store = registry.open_registry(read_params().project)
    state = store.state()
    chosen = registry.target(state, to or None)
    store.move(registry.stamped("rollback", chosen.model, reason))
    cli.say(f"rollback: version {chosen.number} is champion again, in the place of {state.aliases[ledger.CHAMPION]}")
    cli.say("rollback: Next: make registry-push (embedded home), make serve. Undo: make rollback")


if __name__ == "__main__":
    cli.run(main)
