"""Bring an earlier champion back, and the image that serves it."""

from ml import cli
from ml.deployment import deployments, environments
from ml.deployment.deployments import Where
from ml.params import Params, read_params
from ml.registry import registry
from ml.registry.ledger import CHAMPION, Version
from ml.registry.registry import Registry


def main(to: int = 0, reason: str = "", env: str = "", target: str = "local") -> int:
    """Make the previous champion, or version --to, the champion again; with --env its image serves there first.

    Rolling back twice undoes the first.
    """
    params = read_params()
    store = registry.open_registry(params.project)
    chosen: Version | None
    if env:
        held, chosen = _deployed(params, store, Where(env, target), to)
        if not held:
            return 1
    else:
        chosen = registry.target(store.state(), to or None)
    _promote(store, chosen, reason)
    return 0


def _deployed(params: Params, store: Registry, where: Where, to: int) -> tuple[bool, Version | None]:
    """Whether the earlier image serves again, and the version of the model in it."""
    state, history = store.state(), deployments.fold(store.deployments())
    wanted = deployments.previous(history, where, state.version(to).model if to else "")
    chosen = state.of(wanted.model)
    if chosen:
        registry.present(chosen)  # before an image serves whose model cannot be champion
    at_once = params.deploy.model_copy(update={"steps": ()})  # it served before: smoke and readiness are enough
    return environments.deploy(params, where, wanted.image, at_once), chosen


def _promote(store: Registry, chosen: Version | None, reason: str) -> None:
    before = store.state().named(CHAMPION)
    if chosen is None:
        cli.say("rollback: the registry holds no version of this image's model, so its aliases stay")
    elif chosen == before:
        cli.say(f"rollback: version {chosen.number} is the champion of the registry already")
    else:
        store.move(registry.stamped("rollback", chosen.model, reason))
        cli.say(f"rollback: version {chosen.number} is champion again, in the place of {before and before.number}")
        cli.say("rollback: Next: make registry-push (embedded home), make serve. Undo: make rollback")


if __name__ == "__main__":
    cli.run(main)
