"""Build a version again from its record, and compare."""

from ml import cli, files, rebuild, registry
from ml.errors import UserError
from ml.params import Params, read_params


def main(version: int) -> int:
    """Rebuild a version from its commit, locks and data, and say identical, equivalent or different (exit 1)."""
    store = registry.open_registry(read_params().project)
    chosen = store.state().version(version)
    commit = chosen.lineage["commit"]
    if commit is None:
        raise UserError(f"version {version} was built outside git, so there is no commit to build it from.")
    old = None if chosen.pruned else store.content(chosen)
    with rebuild.worktree(commit) as place:
        cli.say(f"reproduce: version {version} at commit {commit[:8]}")
        python = rebuild.interpreter(place, chosen)
        rebuild.fetch_data(place, chosen)
        cli.say("reproduce: data and packages are the recorded ones; building")
        new = rebuild.build(place, python)
        recorded = Params.model_validate(chosen.lineage["params"], strict=False)
        found = rebuild.compare(chosen, old, new, place / files.TEST, recorded)
    print(f"version {version} is {found.outcome}: {found.detail}")
    return 1 if found.outcome == "different" else 0


if __name__ == "__main__":
    cli.run(main)
