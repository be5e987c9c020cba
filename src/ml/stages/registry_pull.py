"""Fetch the registry from a git remote."""

from ml.io import cli
from ml.io.text import counted
from ml.registry import branch, ledger, registry
from ml.settings.params import read_params


def main(remote: str = "origin") -> None:
    """Merge branch `mlflow` of the remote into .mlflow/; local entries are kept."""
    state = branch.pull(registry.embedded_home(read_params().project), remote)
    champion = state.aliases.get(ledger.CHAMPION, "none")
    cli.say(
        f"registry_pull: {counted(len(state.versions), 'version')}, champion {champion}. Next: make models, make ui"
    )


if __name__ == "__main__":
    cli.run(main)
