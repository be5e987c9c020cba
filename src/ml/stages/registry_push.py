"""Push the registry to a git remote."""

from ml.io import cli
from ml.io.text import counted
from ml.registry import branch, ledger, registry
from ml.settings.params import read_params


def main(remote: str = "origin") -> None:
    """Merge .mlflow/ with branch `mlflow` of the remote and push new entries as one commit."""
    state, new = branch.push(registry.embedded_home(read_params().project), remote)
    if not new:
        cli.say(f"registry_push: {remote} already has all {counted(len(state.versions), 'version')}")
    for entry in new:
        cli.say(f"registry_push: sent {ledger.sentence(entry, state)}")


if __name__ == "__main__":
    cli.run(main)
