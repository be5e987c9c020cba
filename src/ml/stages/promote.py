"""Make a version the champion."""

from ml import cli
from ml.errors import UserError
from ml.params import read_params
from ml.registry import ledger, registry


def main(version: int = 0, reason: str = "") -> None:
    """Make a version the champion; the one that yields becomes `previous`."""
    store = registry.open_registry(read_params().project)
    state = store.state()
    if not version:
        raise UserError("say which version: make promote VERSION=3. make models lists them.")
    chosen = state.version(version)
    if state.aliases.get(ledger.CHAMPION) == version:
        cli.say(f"promote: version {version} is the champion already")
        return
    store.move(registry.stamped("promote", registry.present(chosen).model, reason))
    cli.say(f"promote: version {version} is champion, after {state.aliases.get(ledger.CHAMPION, 'none')}")
    cli.say("promote: Next: make registry-push (embedded home), make serve. Undo: make rollback")


if __name__ == "__main__":
    cli.run(main)
