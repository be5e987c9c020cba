"""Compare the newest predictions with the champion's release."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from ml.github import runner
from ml.io import cli, files
from ml.io.errors import UserError
from ml.io.text import counted
from ml.model import identity
from ml.model.reference import Reference
from ml.monitoring import collect, drift, evidently_pages, findings, history_page, monitor_report, with_made
from ml.monitoring.collect import Collected, Names
from ml.monitoring.confirmation import Past
from ml.monitoring.log_tables import LogTable
from ml.monitoring.monitor_record import MonitorRecord
from ml.monitoring.released import released
from ml.monitoring.season import of_season
from ml.prediction_log import segments
from ml.prediction_log.records import in_table
from ml.registry import ledger, registry
from ml.registry.registry import Registry
from ml.reports import look
from ml.settings.params import Params, read_params

NEXT = {
    "stable": "none; make monitor HISTORY=1 plots all verdicts",
    "drift": "make retrain, unless the report names a fault at the source",
    "degraded": "make retrain, unless the report names a fault at the source",
    "not enough data": "read the report, which lists the other rows and the action",
}
SIMULATED = "make monitor SIMULATED=1 judges the simulated rows; real ones need more predictions"


def main(history: bool = False, strict: bool = False, simulated: bool = False) -> int:
    """Write build/monitor.json, .md and .html, and record the verdict; HISTORY plots all verdicts instead.

    The exit code is 0 for every verdict; STRICT exits 1 on drift and degraded. SIMULATED judges the simulated rows,
    even if the log has real rows.
    """
    params = read_params()
    store = registry.open_registry(params.project)
    if history:
        return _draw(params, store)
    now = pd.Timestamp.now("UTC").as_unit("us")
    log = LogTable(_sources(params), params.data, [in_table(params.monitor.cluster)])
    names, model = _names(params, store)
    window = collect.collect(_read(log, params, now, simulated=simulated), names, params.data, params.monitor, now)
    window, release = with_made.completed(window, log, released(params.project), params)
    if params.monitor.season:
        release = of_season(release, window, names, params, with_made.between(log, release, params.data))
    found = drift.judge_collected(release.reference, window, params)
    evident = drift.evident(release.reference, window, params, found.verdict)
    record = findings.record(window, found, release, params, Past(model, store.verdicts(), evident))
    store.remember(registry.stamped("monitor", model, record["reason"][:1000], **findings.remembered(record)))
    MonitorRecord.taken(record, "what monitoring found").write(files.MONITOR)
    text = monitor_report.markdown(params.project, record, store.verdicts())
    files.write_text(text, files.MONITOR_TEXT)
    files.write_text(look.document(f"{params.project}: monitoring", look.rendered(text)), files.MONITOR_PAGE)
    _picture(window, release.reference, params)
    runner.output("verdict", record["verdict"])
    runner.output("confirmed", str(record["confirmed"]).lower())
    _tell(record)
    return int(strict and record["verdict"] in {"drift", "degraded"})


def _read(log: LogTable, params: Params, now: pd.Timestamp, *, simulated: bool) -> pd.DataFrame:
    """The predictions of the source, or only the simulated ones."""
    if not simulated:
        return log.recent(now, params.monitor)
    table = log.simulated()
    if table.empty:
        raise UserError("no simulated rows are in the log. `make traffic` sends some, for the sample's model only.")
    return table


def _sources(params: Params) -> list[Any]:
    directory, url = segments.places(params.log.directory, os.environ)
    return [params.monitor.source] if params.monitor.source else [directory, *([url] if url else [])]


def _names(params: Params, store: Registry) -> tuple[Names, str]:
    """The names of the champion and of other versions in predictions, and the champion's digest."""
    state = store.state()
    champion = state.named(ledger.CHAMPION)
    if champion is None:
        digest = identity.of(files.MODEL)
        return Names(_called(params, digest)), digest
    others = [v for v in state.versions if v is not champion]
    known = frozenset(name for v in others for name in _called(params, v.model, v.number))
    return Names(_called(params, champion.model, champion.number), known), champion.model


def _called(params: Params, digest: str, number: int | None = None) -> frozenset[str]:
    numbered = [f"{params.project}@{number}"] if number else []
    return frozenset([f"{params.project}@{digest[:12]}", *numbered])


def _picture(window: Collected, reference: Reference, params: Params) -> None:
    """Evidently's pages, if it is installed and there are rows."""
    for path in (files.EVIDENTLY, files.EVIDENTLY_LABELS):
        path.unlink(missing_ok=True)
    if not evidently_pages.installed():
        cli.say(
            "monitor: Evidently's pages are skipped, because it is not installed: pip install "
            "'ml[report]', or make setup"
        )
        return
    wanted: dict[Path, Callable[[], str]] = {}
    if len(window.rows) >= params.monitor.min_rows:
        wanted[files.EVIDENTLY] = lambda: evidently_pages.drift(reference, window.rows)
    if set(window.settled.rows["label"].dropna()) == {0.0, 1.0}:
        wanted[files.EVIDENTLY_LABELS] = lambda: evidently_pages.classification(window.settled.rows)
    for path, picture in wanted.items():
        try:
            files.write_text(picture(), path)
        except Exception as error:  # noqa: BLE001  (pictures: the verdict stands without them)
            cli.say(f"monitor: Evidently could not write {path.name}: {type(error).__name__}: {error}")


def _tell(record: dict[str, Any]) -> None:
    cli.tell(f"{record['verdict'].upper()}: {record['reason']}")
    cli.tell(
        f"Report: {files.MONITOR_TEXT}, {files.MONITOR_PAGE}"
        + (f", {files.EVIDENTLY}" if files.EVIDENTLY.exists() else "")
    )
    held_back = record["verdict"] == "not enough data" and record["collected"]["fates"]["simulated"]
    cli.tell(f"Next:   {SIMULATED if held_back else NEXT[record['verdict']]}")


def _draw(params: Params, store: Registry) -> int:
    verdicts = store.verdicts()
    if not verdicts:
        cli.tell("no verdict yet. Next: make monitor")
        return 0
    state = store.state()
    versions = {version.model: version.number for version in state.versions}
    files.write_text(history_page.html(params.project, verdicts, versions), files.MONITOR_HISTORY)
    cli.tell(f"{counted(len(verdicts), 'verdict')}: {files.MONITOR_HISTORY}")
    return 0


if __name__ == "__main__":
    cli.run(main)
