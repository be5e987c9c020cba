"""Write the report on the build and its gates."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from ml.data.profile_record import ProfileRecord
from ml.data.validation_record import ValidationRecord
from ml.gates.gate_record import GateRecord
from ml.gates.proof_record import ProofRecord
from ml.io import cli, files, git, locks, sheets, tables
from ml.io.errors import UserError
from ml.io.saved import SavedRecord
from ml.io.text import counted
from ml.model import identity
from ml.model.figures_record import IntervalsRecord, MetricsRecord
from ml.model.history import TrainingRecord
from ml.model.predictor import MODEL
from ml.reports import page
from ml.reports.build_report import markdown
from ml.reports.built import Built
from ml.reports.changes import another_table
from ml.reports.contributions_record import ContributionsRecord
from ml.settings.params import Params, read_params
from ml.settings.yaml_reading import parse
from ml.tasks.choose import task_of

EXPLAINED = 100  # test rows, enough to rank columns


def main(base: str = "main") -> None:
    """Write build/report.md and build/report.html, compared with branch BASE."""
    evidence = collect(read_params(), base)
    text = markdown(evidence)
    files.write_text(text, files.REPORT)
    files.write_text(page.html(evidence), files.REPORT_HTML)
    cli.say(f"report: {files.REPORT} ({counted(len(text), 'character')}) and {files.REPORT_HTML}")


def collect(params: Params, base: str) -> Built:
    """The inputs of the report, from build/ and from the base branch."""
    validation = ValidationRecord.read(files.VALIDATION).plain()
    if not validation["passed"]:
        return Built(params.project, validation)
    profile, revision = ProfileRecord.read(files.PROFILE).plain(), git.base(base)
    before = _recorded(revision, files.PROFILE, ProfileRecord)
    other = bool(before) and another_table(profile, before)
    revision = None if other else revision
    return Built(
        project=params.project,
        validation=validation,
        confidence=params.evaluate.confidence,
        verdict=GateRecord.read(files.VERDICT).plain(),
        intervals=IntervalsRecord.read(files.INTERVALS).known(),
        profile=profile,
        settings=parse(files.read_bytes(files.PARAMS).decode()),
        plots={path.stem: sheets.read_rows(path) for path in sorted(files.PLOTS.glob("*.csv"))} | contributions(params),
        training=TrainingRecord.read(files.TRAINING).plain() if files.TRAINING.exists() else None,
        lost=task_of(params.data).lost,
        lineage=_origin(),
        proof=_proof(),
        before_metrics=_recorded(revision, files.METRICS, MetricsRecord),
        before_profile=None if other else before,
        before_settings=_settings(revision),
        before_plots=_curves(revision),
        base=base,
        other_table=other,
    )


def contributions(params: Params) -> dict[str, list[dict[str, Any]]]:
    """The mean absolute contribution of each column on test rows, as a plot; None without an explanation.

    Only reports contain it: DVC outputs must not depend on an extra that may be missing. It takes seconds, so
    build/contributions.json keeps the values for the last model and rows; CI computes them again, because others may
    have written the file.
    """
    of = {"model": identity.of(files.MODEL), "rows": files.digest(files.TEST), "code": files.digest(_explaining())}
    if files.CONTRIBUTIONS.exists() and not locks.in_ci():
        kept = ContributionsRecord.read(files.CONTRIBUTIONS)
        if kept.of == of:
            return {"contributions": kept.contributions}
    ranked = _contributions(params)
    if ranked is None:
        return {}
    ContributionsRecord(of=of, contributions=ranked).write(files.CONTRIBUTIONS)
    return {"contributions": ranked}


def _contributions(params: Params) -> list[dict[str, Any]] | None:
    try:
        from ml.model.explanation import explainer  # noqa: PLC0415 - imports that only explanations need

        explain = explainer({MODEL: files.read_bytes(files.MODEL / MODEL)}, params.data)
    except (ImportError, UserError):
        return None
    found = explain(tables.read_table(files.TEST).head(EXPLAINED))
    sizes = zip(found.columns, abs(found.added).mean(axis=0).tolist(), strict=True)
    return [{"column": name, "contribution": size} for name, size in sorted(sizes, key=lambda pair: -pair[1])]


def _explaining() -> Path:
    """The module for explanations, found without importing it."""
    found = find_spec("ml.model.explanation")
    return Path(str(found and found.origin))


def _recorded(revision: str | None, path: Path, kind: type[SavedRecord]) -> dict[str, Any] | None:
    """A record on the base branch."""
    text = git.show(revision, path) if revision else None
    return None if text is None else kind.parsed(text, f"{path} at {revision}").plain()


def _settings(revision: str | None) -> dict[str, Any] | None:
    text = git.show(revision, files.PARAMS) if revision else None
    try:
        return None if text is None else parse(text)
    except (YAMLError, ValueError) as error:
        where = f"{files.PARAMS} at {revision}"
        raise UserError(f"{where} cannot be read: {error}. Fix it there, or set another BASE.") from None


def _curves(revision: str | None) -> dict[str, list[dict[str, Any]]]:
    """The points of the base branch's curves; a branch with none, or with others, has no curve in the report."""
    found = {name: git.show(revision, files.PLOTS / f"{name}.csv") if revision else None for name in page.CURVES}
    rows = {name: sheets.parse_rows(text) for name, text in found.items() if text}
    return {name: points for name, points in rows.items() if points and {*page.CURVES[name]} <= {*points[0]}}


def _proof() -> dict[str, Any] | None:
    """The result of `make prove` on this commit; None if it ran on another commit, or not at all."""
    if not files.PROOF.exists():
        return None
    proof = ProofRecord.read(files.PROOF)
    return proof.plain() if proof.commit == git.commit() else None


def _origin() -> dict[str, str]:
    commit = git.ask("rev-parse", "--short", "HEAD")
    return {"commit": commit.strip() if commit else "none", "model": identity.of(files.MODEL)[:12]}


if __name__ == "__main__":
    cli.run(main)
