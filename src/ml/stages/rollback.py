"""Bring an earlier champion back, and the image that serves it."""

from ml import cli, deployments, environments, ledger, registry
from ml.environments import Where
from ml.ledger import Version
from ml.params import Params, read_params


def main(to: int = 0, reason: str = "", env: str = "", target: str = "local") -> int:
    """Make the previous champion, or version --to, the champion again; with --env its image serves there first.

    Rolling back twice undoes the first.
    """
    params = read_params()
    store = registry.open_registry(params.project)
    chosen = _deployed(params, store, Where(env, target), to) if env else registry.target(store.state(), to or None)
    if chosen is None:
        return 1
    before = store.state().aliases.get(ledger.CHAMPION)
    if chosen.number == before:
        cli.say(f"rollback: version {chosen.number} is the champion of the registry already")
        return 0
    store.move(registry.stamped("rollback", chosen.model, reason))
    cli.say(f"rollback: version {chosen.number} is champion again, in the place of {before}")
    again = f"make rollback{f' ENV={env} TARGET={target}' if env else ''}"
    cli.say(f"rollback: Next: make registry-push (embedded home){'' if env else ', make serve'}. Undo: {again}")
    return 0


def _deployed(params: Params, store: registry.Registry, where: Where, to: int) -> Version | None:
    """The version of the image that serves again; None when the environment kept the present one."""
    state, history = store.state(), deployments.read()
    wanted = deployments.previous(history, where, state.version(to).model if to else "")
    chosen = state.of(wanted.model)
    at_once = params.deploy.model_copy(update={"steps": ()})  # it served before; smoke and readiness are enough
    if not environments.deploy(params, where, wanted.image, at_once):
        return None
    if chosen is None:
        cli.say(f"rollback: no version of the registry holds model {wanted.model[:12]}; the aliases stay")
    return chosen


if __name__ == "__main__":
    cli.run(main)
