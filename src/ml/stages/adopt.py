"""Make another table the project's data: the first step of a fork."""

import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ml.adoption import adopt_changes, exported_files, messages, suspicions
from ml.adoption.adopted_record import AdoptedRecord
from ml.adoption.preconditions import ADOPTED, OURS, named, refuse_unsaved
from ml.data.notes import brief
from ml.gates import proposed_gates
from ml.io import cli, dvc, files, process, tables, yaml_edit
from ml.io.errors import UserError
from ml.io.text import counted
from ml.registry import registry, tracking
from ml.settings import feature_source
from ml.settings.params import Params, check, read_params


def main(  # noqa: PLR0913, PLR0917  (a flag each)
    data: str,
    target: str,
    project: str = "",
    id_column: str = "",
    time: str = "",
    time_format: str = "",
    group: str = "",
    weight: str = "",
    text: str = "",
    task: str = "",
    positive: str = "",
    encoding: str = "",
    dry: bool = False,
    run: bool = False,
) -> int:
    """Describe table DATA in params.yaml, copy it into data/ and version it; DRY only shows the change.

    `run` also runs the pipeline on it and returns its exit code.
    """
    source = named(data)
    if not dry:
        refuse_unsaved()
    found = exported_files.read(source, encoding, target)
    if not target:
        raise UserError(f"set the column to predict with TARGET=. {source} has: {', '.join(found.table.frame)}.")
    roles = {"id": id_column, "time": time, "group": group, "weight": weight, "text": text}
    notes = found.table.notes
    try:
        new = adopt_changes.described(source, found, adopt_changes.NewTable(target, roles, positive, time_format, task))
    except UserError:
        _say(brief(notes))  # perhaps the table was read incorrectly
        raise
    del found  # its text is as large as the table
    params = read_params()
    plan = _planned(new, params, project)
    told = brief([*notes, *new.typed.notes, *plan.told])
    if dry:
        cli.tell(adopt_changes.difference(plan.before, plan.after))
        _say([*told, "nothing was changed; run it without DRY=1 to make the change"])
        return 0
    _write(source if new.ours is None else new.ours, Path(params.data.file), new.contract, plan.after)
    _say(told)
    return _next(new.contract, run=run)


def _write(table: pd.DataFrame | Path, old: Path, contract: dict[str, Any], settings: str) -> None:
    """Replace the old table, and change params.yaml, src/features.py and data.dvc."""
    AdoptedRecord.beginning(OURS, {files.PARAMS: settings}).write(ADOPTED)  # the same command resumes after a kill
    _move_in(table, Path(contract["file"]), old)
    files.write_text(settings, files.PARAMS)
    _drop_functions([*contract["columns"]])
    dvc.must("add", "data", hint=f"The table is in data/, and params.yaml describes it. {dvc.AGAIN}")
    AdoptedRecord.of(OURS).write(ADOPTED)


class Plan(NamedTuple):
    """The current and the new text of params.yaml, and sentences about the change."""

    before: str
    after: str
    told: list[str]


def _planned(new: adopt_changes.Described, params: Params, project: str) -> Plan:
    """The changes of params.yaml for the new table; raises UserError if it would then be invalid."""
    changes, reset = adopt_changes.changes(params, new.contract, len(new.typed.frame), project, new.stem)
    before = files.read_bytes(files.PARAMS).decode()
    settings = check(yaml_edit.changed(yaml_edit.parsed(before), changes), files.PARAMS)
    gates = _gates(new.typed.frame if new.ours is None else new.ours, settings, reset)
    after = yaml_edit.edited(before, adopt_changes.merged(changes, gates.settings))
    check(yaml_edit.parsed(after), files.PARAMS)
    told = messages.guesses(new.contract, [*new.typed.left, *new.left], new.typed.frame, made=new.made)
    told += suspicions.warnings(new.typed.frame, new.contract, settings)
    told += [*messages.settings(changes, reset), *_versions(params, reset), *gates.told]
    return Plan(before, after, told)


def _next(contract: dict[str, Any], *, run: bool) -> int:
    columns = counted(len(contract["columns"]), "column")
    cli.tell(f"params.yaml describes {columns} of {contract['file']}; data.dvc holds its version.")
    if not run:
        cli.tell("Next: read params.yaml (limits and levels are guesses from this table), then make run")
        return 0
    cli.say("adopt: running make run on this table; RUN=0 skips it")
    return process.finished([sys.executable, "-m", "ml.stages.run"])


def _say(sentences: list[str]) -> None:
    for sentence in sentences:
        cli.say(f"adopt: {sentence}")


def _gates(table: pd.DataFrame, params: Params, reset: dict[str, Any]) -> proposed_gates.Proposal:
    """Gates from a cross-validated model, if those of the old table are reset."""
    if not messages.another(reset):
        return proposed_gates.Proposal({}, [])
    cli.say("adopt: proposing gates from a cross-validation of train.model")
    text, gone = feature_source.without(feature_source.source(), [*params.data.columns])
    return proposed_gates.for_table(table, params, "" if gone else text)


def _drop_functions(names: list[str]) -> None:
    """Delete the functions of src/features.py that read columns missing from the new table."""
    text, gone = feature_source.without(feature_source.source(), names)
    if gone:
        files.write_text(text, feature_source.FEATURES)
        cli.say(
            f"adopt: {feature_source.FEATURES}: removed {', '.join(gone)}, which read columns missing from this table"
        )


def _move_in(table: pd.DataFrame | Path, file: Path, old: Path) -> None:
    if isinstance(table, pd.DataFrame):
        tables.write_table(table, file)
    elif table.resolve() != file.resolve():
        with files.replacing(file) as copy:
            shutil.copyfile(table, copy)
    if old != file:
        old.unlink(missing_ok=True)


def _versions(params: Params, reset: dict[str, Any]) -> list[str]:
    """A note if the registry holds models of the old table."""
    if not messages.another(reset) or tracking.server():
        return []
    versions = registry.open_registry(params.project).state().versions
    return [
        f"the registry holds {counted(len(versions), 'version')} of the old table, kept as {params.project}; "
        "docs/registry.md (Troubleshooting) describes how to start an empty registry"
    ][: len(versions)]


if __name__ == "__main__":
    cli.run(main)
