"""Delete old model files of the embedded registry."""

from ml.io import cli
from ml.io.text import counted
from ml.registry import ledger, registry
from ml.settings.params import read_params


def main(keep: int = 20) -> None:
    """Delete the model files of versions without an alias that are not among the last `keep`; their records remain."""
    home = registry.embedded_home(read_params().project)
    doomed = ledger.doomed(home.state(), keep)
    home.prune([registry.stamped("prune", version.model, f"kept the last {keep}") for version in doomed])
    cli.say(
        f"registry_prune: deleted the files of {counted(len(doomed), 'version')}; "
        "docs/registry.md describes how to restore one"
    )
    if doomed:
        cli.say("registry_prune: Next: make registry DO=push")


if __name__ == "__main__":
    cli.run(main)
