"""Register the build as a version."""

import tempfile
from pathlib import Path

from ml.gates.gate_record import GateRecord
from ml.github import runner
from ml.io import cli, files, tables
from ml.io.errors import UserError
from ml.model import lineage
from ml.model.figures_record import IntervalsRecord, MetricsRecord
from ml.model.model_contract import settled
from ml.registry import ledger, operation, package, registry, tracking
from ml.registry.ledger import Version
from ml.registry.model_card import card
from ml.settings.params import Params, read_params


def main(force: str = "", hold: bool = False) -> None:
    """Register build/ as a version and promote it if the gates allow; --force REASON registers a refused build.

    --hold skips the promotion, and sets outputs for the next jobs of a release.
    """
    params = settled(read_params(), files.MODEL)
    entry = _entry(params, force)
    store = registry.open_registry(params.project)
    state = _register(store, entry, params)
    version, before = state.known(entry["model"]), state.named(ledger.CHAMPION)
    _tell(version, entry, params)
    serves = before is not None and before.number == version.number
    may = state.aliases.get(ledger.CHALLENGER) == version.number and registry.promotable(entry["verdict"], before)
    late = registry.outdated(entry["verdict"], before)
    wins = may and not late
    runner.output("version", str(version.number))
    runner.output("before", str(before.number) if before else "")
    runner.output("release", str(wins or serves).lower())
    if hold and wins:
        cli.say(f"register: version {version.number} may be champion. Next: deploy it, then make promote")
    elif (wins or operation.waits(store, _asked(version))) and _promoted(store, entry, version, before):
        undo = " Undo: make rollback" if before else ""
        cli.say(f"register: promoted: version {version.number} is champion.{undo}")
    elif may:
        cli.say("register: not promoted: the champion changed after the gates ran. Next: make run, make register")
    elif serves:
        cli.say("register: it is the champion. Next: make models, make serve")
    else:
        found = entry["verdict"].get("champion")
        why = f" (against the champion: {found})" if found else ""
        cli.say(f"register: it is not champion{why}. Next: make models; then make promote VERSION={version.number}")


def _promoted(store: registry.Registry, entry: ledger.Entry, version: Version, before: Version | None) -> bool:
    """Whether the version now replaces `before`; an interrupted promotion is completed."""
    with operation.alone():
        plan = operation.resumed(store, _asked(version))
        if plan is None and (version == before or store.state().named(ledger.CHAMPION) != before):
            return False
        reason = f"gates passed; against the champion: {entry['verdict'].get('champion') or 'none yet'}"
        operation.carried_out(store, plan or operation.begun(store, _asked(version), version, reason))
        store.finish()
    return True


def _asked(version: Version) -> operation.Plan:
    return {"action": "promote", "version": version.number}


def _tell(version: ledger.Version, entry: ledger.Entry, params: Params) -> None:
    word = "now" if version.entry["time"] == entry["time"] else "already"
    cli.say(f"register: {word} version {version.number} of {params.project}")
    if version.lineage.changed:
        cli.say(
            f"register: commit {', '.join(version.lineage.changed[:3])} before the next "
            "registration: no commit contains this build"
        )


def _register(store: registry.Registry, entry: ledger.Entry, params: Params) -> ledger.State:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        example = tables.read_table(files.TEST).head(3)
        package.write(place, files.MODEL, example, params.data, card(entry, params))
        files.write_bytes(files.read_bytes(files.REFERENCE), place / files.REFERENCE.name)  # required by monitoring
        return store.register(entry, place)


def _entry(params: Params, force: str) -> ledger.Entry:
    verdict = GateRecord.read(files.VERDICT)
    origin = lineage.collect(params.data, params, params.train.library)
    if verdict.model != origin.model:
        raise UserError(f"{files.VERDICT} judges another model than the one in {files.MODEL}. Run `make run` again.")
    if not verdict.passed and not force:
        reasons = "\n".join(f"  {found.reason}" for found in verdict.refusals)
        raise UserError(
            f"the gates refuse this build:\n{reasons}\nFix the model, or register it with a "
            "reason: FORCE='reason' make register"
        )
    metrics, intervals = MetricsRecord.read(files.METRICS), IntervalsRecord.read(files.INTERVALS)
    run = tracking.describe(params.train, params.prepare, origin, metrics.plain(), intervals.known())
    reason = "" if verdict.passed else force
    return registry.stamped("register", origin.model, reason, run=run, verdict=verdict.plain())


if __name__ == "__main__":
    cli.run(main)
