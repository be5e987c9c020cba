"""Rebuild a version from its record and compare it."""

from ml.io import cli, files
from ml.io.errors import UserError
from ml.registry import ledger, rebuild, registry
from ml.settings.params import Params, read_params


def main(version: int = 0) -> int:
    """Rebuild a version (default: the champion) from its record; print identical, equivalent or different (exit 1)."""
    store = registry.open_registry(read_params().project)
    state = store.state()
    if not version and ledger.CHAMPION not in state.aliases:
        cli.tell("there is no champion to reproduce. The first release creates one.")
        return 0
    chosen = state.version(version or state.aliases[ledger.CHAMPION])
    commit = chosen.lineage.commit
    if commit is None:
        raise UserError(
            f"version {chosen.number} was built outside git, so there is no commit to build it from. Commit, then "
            "run `make run` and `make register`."
        )
    old = None if chosen.pruned else store.content(chosen)
    with rebuild.worktree(commit) as place:
        cli.say(f"reproduce: version {chosen.number} at commit {commit[:8]}")
        python = rebuild.interpreter(place, chosen)
        rebuild.fetch_data(place, chosen)
        cli.say("reproduce: data and packages are the recorded ones; building")
        new = rebuild.build(place, python)
        recorded = Params.model_validate(chosen.lineage.params, strict=False)
        found = rebuild.compare(chosen, old, new, place / files.TEST, recorded)
    cli.tell(f"version {chosen.number} is {found.outcome}: {found.detail}")
    return 1 if found.outcome == "different" else 0


if __name__ == "__main__":
    cli.run(main)
