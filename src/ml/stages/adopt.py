"""Make another table the project's data: the first step of a fork."""

import difflib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from ml.data import adopt, adopted, inference, row_ids, sources
from ml.data.adopted_record import AdoptedRecord
from ml.data.notes import brief
from ml.data.schema import levels, with_columns
from ml.gates import proposal
from ml.io import cli, dvc, files, git, yaml_edit
from ml.io.errors import UserError
from ml.io.text import counted, one_line
from ml.registry import registry, tracking
from ml.settings import features
from ml.settings.params import Params, check, describe_the_sample, read_params

Changes = dict[yaml_edit.Path, Any]
ROLES = ("file", "id", "time", "time_format", "group", "weight", "target")  # of data, beside its columns
OURS = (files.PARAMS, Path("data.dvc"))  # what adopt overwrites
ADOPTED = Path("build/adopted.json")  # the digests of what it wrote: to adopt again is no loss


def main(  # noqa: PLR0913, PLR0917  (a flag each)
    data: str,
    target: str,
    project: str = "",
    id_column: str = "",
    time: str = "",
    time_format: str = "",
    group: str = "",
    weight: str = "",
    positive: str = "",
    encoding: str = "",
    dry: bool = False,
    run: bool = False,
) -> int:
    """Describe table DATA in params.yaml, copy it into data/ and version it; DRY only shows what would change.

    With `run` the pipeline runs on it, and its exit code is returned.
    """
    source = _named(data)
    if not dry:
        _refuse_unsaved()
    found = sources.read(source, encoding)
    table, stem = found.table, source.name.split(".")[0] or source.name
    if not target:
        raise UserError(f"name the column to predict with TARGET=. {source} has: {', '.join(table.frame)}.")
    roles = {"id": id_column, "time": time, "group": group, "weight": weight, "positive": positive}
    typed = inference.typed(table.frame, target, id_column, time)
    contract, left = adopt.infer(typed.frame, f"data/{source.name}", target, {k: v for k, v in roles.items() if v})
    if "time" in contract:
        contract |= inference.time_format(table.frame[contract["time"]], time_format)
    made = contract["id"] not in typed.frame
    kept = made or not found.as_it_is
    if kept:
        contract["file"] = f"data/{stem}.parquet"
    params = read_params()
    changes, reset = _changes(params, contract, len(table.frame), project, stem)
    ours = _written(typed.frame, contract["id"] if made else "") if kept else None
    before = files.read_bytes(files.PARAMS).decode()
    settings = check(yaml_edit.changed(yaml_edit.parsed(before), changes), files.PARAMS)
    gates = _gates(typed.frame if ours is None else ours, settings, reset)
    after = yaml_edit.edited(before, _with(changes, gates.settings))
    check(yaml_edit.parsed(after), files.PARAMS)
    if dry:
        cli.tell(
            "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), "params.yaml", "new", n=1))
        )
        _say([*gates.told, "nothing was changed; leave DRY=1 out to do it"])
        return 0
    files.write_text(after, files.PARAMS)
    _drop_functions([*contract["columns"]])
    _move_in(source if ours is None else ours, Path(contract["file"]), Path(params.data.file))
    AdoptedRecord(digests={str(path): files.digest(path) for path in OURS}).write(ADOPTED)
    _say(brief([*table.notes, *typed.notes]))
    _say(adopted.guesses(contract, [*typed.left, *left], typed.frame, made=made))
    _say([f"warning: {sentence}" for sentence in adopt.warnings(typed.frame[target], settings)])
    _say([*adopted.settings(changes, reset), *_versions(params, reset), *gates.told])
    file, count = contract["file"], len(contract["columns"])
    cli.tell(f"params.yaml describes {counted(count, 'column')} of {file}; data.dvc holds its version.")
    if not run:
        cli.tell("Next: read params.yaml (limits and levels are guesses from this table), then make run")
        return 0
    cli.say("adopt: make run on this table; RUN=0 leaves it out")
    return subprocess.run([sys.executable, "-m", "ml.stages.run"], check=False).returncode


def _say(sentences: list[str]) -> None:
    for sentence in sentences:
        cli.say(f"adopt: {sentence}")


def _refuse_unsaved() -> None:
    """Raise UserError where a change of the files that are about to be overwritten is in no commit, and is not ours."""
    known = AdoptedRecord.read(ADOPTED).digests if ADOPTED.exists() else {}
    names = (git.ask("diff", "--name-only", "HEAD", "--", *map(str, OURS)) or "").split()
    unsaved = [name for name in names if Path(name).exists() and known.get(name) != files.digest(Path(name))]
    if unsaved:
        raise UserError(
            f"{' and '.join(unsaved)} would be overwritten, with changes that are in no commit. Commit them, or undo "
            f"them with `git checkout {' '.join(unsaved)}`; DRY=1 shows what adopt would write."
        )


def _named(data: str) -> Path:
    """The file in DATA=, where many shells leave `~` as it is."""
    if not data:
        raise UserError("name a table and the column to predict: make adopt DATA=loans.csv TARGET=defaulted")
    source = Path(data).expanduser()
    if one_line(source.name) != source.name:
        raise UserError(
            f"{source.name!r} is no file name for params.yaml and git. Rename the file: letters and digits."
        )
    if not source.exists():
        raise UserError(f"{data} is not there. Correct the path in DATA=.")
    return source


def _changes(
    params: Params, contract: dict[str, Any], rows: int, project: str, stem: str
) -> tuple[Changes, dict[str, Any]]:
    """Every change of params.yaml, and those among them that reset what spoke of the old table."""
    sample, timed = describe_the_sample(params), "time" in contract
    changes: Changes = {f"data.{key}": contract.get(key, yaml_edit.REMOVE) for key in ROLES}
    if {*contract["columns"]} == {*params.data.columns}:
        changes |= {("data", "columns", name): column for name, column in contract["columns"].items()}
    else:
        changes |= {"data.columns": contract["columns"]}
    another = sample or adopt.another(params, contract["target"]["name"], contract["columns"])
    ours = adopt.project_name(Path(params.data.file).stem, params.data.target.name)  # nobody chose another name
    if project or sample or (another and params.project == ours):
        changes["project"] = project or adopt.project_name(stem, contract["target"]["name"])
    reset = adopt.strange(params.gates, contract["columns"])
    if another:
        task = contract["target"].get("task", "binary")
        reset = adopt.untold(params, task) | adopt.unruled(params)
        linear = {"logistic_regression": "ridge", "ridge": "logistic_regression"}
        if params.train.model == linear["ridge" if task == "regression" else "logistic_regression"]:
            changes["train.model"] = linear[params.train.model]
        return changes | adopt.derived(params, rows, timed=timed) | reset, reset
    return changes | ({} if timed else adopt.untimed(params)) | reset, reset


def _gates(table: pd.DataFrame, params: Params, reset: dict[str, Any]) -> proposal.Proposal:
    """What a cross-validated model reaches, as gates, where those of the old table are reset."""
    if not adopted.another(reset):
        return proposal.Proposal({}, [])
    cli.say("adopt: proposing gates from a cross-validation of train.model")
    text, gone = features.without(features.source(), [*params.data.columns])
    return proposal.for_table(table, params, "" if gone else text)


def _with(changes: Changes, proposed: dict[str, Any]) -> Changes:
    """The changes with those that are proposed in place of what switched the same gate off."""
    gates = {".".join(path.split(".")[:2]) for path in proposed}
    return {**{path: value for path, value in changes.items() if path not in gates}, **proposed}


def _drop_functions(names: list[str]) -> None:
    """Delete the functions of src/features.py that read what the new table lacks."""
    text, gone = features.without(features.source(), names)
    if gone:
        files.write_text(text, features.FEATURES)
        cli.say(f"adopt: {features.FEATURES}: removed {', '.join(gone)}, which read columns that this table lacks")


def _written(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table as Parquet wants it: texts of several kinds as text, and a column of ids in front if one is made."""
    texts = {column: levels(table[column]) for column in table if table[column].dtype == object}
    table = with_columns(table, texts)
    if name:
        table.insert(0, name, row_ids.made(table))
    return table


def _move_in(table: pd.DataFrame | Path, file: Path, old: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    if isinstance(table, pd.DataFrame):
        files.write_table(table, file)
    elif table.resolve() != file.resolve():
        shutil.copyfile(table, file)
    if old != file:
        old.unlink(missing_ok=True)
    dvc.must("add", "data", hint="The table is in data/, and params.yaml describes it.")


def _versions(params: Params, reset: dict[str, Any]) -> list[str]:
    """That the registry holds models of the old table, where it does."""
    if not adopted.another(reset) or tracking.server():
        return []
    name = params.project
    versions = registry.open_registry(name).state().versions
    return [
        f"the registry holds {counted(len(versions), 'version')} of the old table, kept as {name}; "
        "docs/registry.md (When something went wrong) says how to begin an empty one"
    ][: len(versions)]


if __name__ == "__main__":
    cli.run(main)
