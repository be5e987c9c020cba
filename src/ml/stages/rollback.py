"""Restore an earlier champion, and its image."""

from ml.deployment import deployment_log, environments
from ml.deployment.deployment_log import Where
from ml.io import cli
from ml.registry import operation, registry
from ml.registry.ledger import CHAMPION, PREVIOUS, State
from ml.registry.operation import Plan
from ml.registry.registry import Registry
from ml.settings.params import Params, read_params


def main(to: int = 0, reason: str = "", env: str = "", target: str = "local") -> int:
    """Make the previous champion, or version --to, the champion again; with --env, deploy its image there first.

    A second rollback undoes the first; repeating an interrupted rollback finishes it.
    """
    params = read_params()
    store = registry.open_registry(params.project)
    asked = {"action": "rollback", "to": to, "env": env, "target": target if env else ""}
    with operation.alone():
        plan = operation.resumed(store, asked) or _begun(params, store, asked, reason)
        if env and not _deployed(params, Where(env, target), plan["image"]):
            store.finish()
            return 1
        _tell(plan, operation.carried_out(store, plan))
        store.finish()
    return 0


def _begun(params: Params, store: Registry, asked: Plan, reason: str) -> Plan:
    """The plan of a rollback: the version, and the image of an environment, are chosen only once."""
    if not asked["env"]:
        return operation.begun(store, asked, registry.target(store.state(), asked["to"] or None), reason)
    where = Where(asked["env"], asked["target"])
    history, state = environments.history(params, where, store), store.state()
    wanted = deployment_log.previous(history, where, state.version(asked["to"]).model if asked["to"] else "")
    chosen = state.of(wanted.model)
    if chosen:
        registry.present(chosen)  # before an image serves whose model cannot be champion
    return operation.begun(store, asked, chosen, reason, image=wanted.image, version=chosen and chosen.number)


def _deployed(params: Params, where: Where, image: str) -> bool:
    at_once = params.deploy.model_copy(update={"steps": ()})  # it served before, so smoke and readiness suffice
    return environments.deploy(params, where, image, at_once)


def _tell(plan: Plan, after: State) -> None:
    champion, before = after.named(CHAMPION), after.named(PREVIOUS)
    if plan["entry"] and champion:
        cli.say(f"rollback: version {champion.number} is champion again and replaces {before and before.number}")
        cli.say("rollback: Next: make registry DO=push (embedded home), make serve. Undo: make rollback")
    elif plan["version"] is None:
        cli.say("rollback: the registry has no version of this image's model, so its aliases are unchanged")
    else:
        cli.say(f"rollback: version {plan['version']} is already the champion of the registry")


if __name__ == "__main__":
    cli.run(main)
