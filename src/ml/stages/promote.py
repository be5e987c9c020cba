"""Make a version the champion."""

from ml.io import cli
from ml.io.errors import UserError
from ml.registry import ledger, operation, registry
from ml.settings.params import read_params


def main(version: int = 0, reason: str = "", check: str = "") -> None:
    """Make a version the champion; the old champion becomes `previous`. Repeat an interrupted command to finish it.

    --check NUMBER, or `none`, changes nothing: it fails if neither the version nor that champion is the champion now.
    """
    store = registry.open_registry(read_params().project)
    if not version:
        raise UserError("set the version: make promote VERSION=3. make models lists them.")
    if check:
        _compare(store.state().aliases.get(ledger.CHAMPION), version, check)
        return
    asked = {"action": "promote", "version": version}
    with operation.alone():
        plan, state = operation.resumed(store, asked), store.state()
        if plan is None and state.aliases.get(ledger.CHAMPION) == version:
            cli.say(f"promote: version {version} is already the champion")
            return
        plan = plan or operation.begun(store, asked, registry.present(state.version(version)), reason)
        before = operation.carried_out(store, plan).named(ledger.PREVIOUS)
        cli.say(f"promote: version {version} is champion, {f'after {before.number}' if before else 'the first one'}")
        undo = " Undo: make rollback" if before else ""
        cli.say(f"promote: Next: make registry DO=push (embedded home), make serve.{undo}")
        store.finish()


def _compare(champion: int | None, version: int, check: str) -> None:
    """Say that the champion is still the one that the gates compared the version with; raises UserError otherwise."""
    now = str(champion or "none")
    if now not in {check, str(version)}:
        raise UserError(
            f"version {version} was compared with the champion of its time ({check}), and the champion is {now} now: "
            "a newer release or a rollback came between. Start the workflow release by hand on main instead."
        )
    cli.say(f"promote: the champion is still {now}")


if __name__ == "__main__":
    cli.run(main)
