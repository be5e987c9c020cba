"""Make another table the project's data: the first step of a fork."""

import difflib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from ml.data import adopt, inference, row_ids, sources
from ml.data.notes import brief
from ml.data.schema import levels, with_columns
from ml.io import cli, dvc, files, git, yaml_edit
from ml.io.errors import UserError
from ml.io.text import counted
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
    before = files.read_bytes(files.PARAMS).decode()
    after = yaml_edit.edited(before, changes)
    check(yaml_edit.parsed(after), files.PARAMS)
    if dry:
        cli.tell(
            "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), "params.yaml", "new", n=1))
        )
        cli.say("adopt: nothing was changed; leave DRY=1 out to do it")
        return 0
    files.write_text(after, files.PARAMS)
    _drop_functions([*contract["columns"]])
    ours = _written(typed.frame, contract["id"] if made else "") if kept else source
    _move_in(ours, Path(contract["file"]), Path(params.data.file))
    files.write_json({str(path): files.digest(path) for path in OURS}, ADOPTED)
    for sentence in brief([*table.notes, *typed.notes]):
        cli.say(f"adopt: {sentence}")
    _tell(contract, [*typed.left, *left], typed.frame, made=made)
    for sentence in adopt.warnings(typed.frame[target], read_params()):
        cli.say(f"adopt: warning: {sentence}")
    _tell_settings(params, changes, reset)
    file, count = contract["file"], len(contract["columns"])
    cli.tell(f"params.yaml describes {counted(count, 'column')} of {file}; data.dvc holds its version.")
    if not run:
        cli.tell("Next: read params.yaml (limits and levels are guesses from this table), then make run")
        return 0
    cli.say("adopt: make run on this table; RUN=0 leaves it out")
    return subprocess.run([sys.executable, "-m", "ml.stages.run"], check=False).returncode


def _refuse_unsaved() -> None:
    """Raise UserError where a change of the files that are about to be overwritten is in no commit, and is not ours."""
    known = files.read_json(ADOPTED) if ADOPTED.exists() else {}
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
    if project or sample:
        changes["project"] = project or adopt.project_name(stem, contract["target"]["name"])
    reset = adopt.strange(params.gates, contract["columns"])
    if sample or adopt.another(params, contract["target"]["name"], contract["columns"]):
        task = contract["target"].get("task", "binary")
        reset = adopt.untold(params, task) | adopt.unruled(params)
        if task == "regression" and params.train.model == "logistic_regression":
            changes["train.model"] = "ridge"
        return changes | adopt.derived(params, rows, timed=timed) | reset, reset
    return changes | ({} if timed else adopt.untimed(params)) | reset, reset


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


def _tell(contract: dict[str, Any], left: list[str], table: pd.DataFrame, *, made: bool) -> None:
    """Say what was guessed, and what was left out."""
    target = contract["target"]
    roles = {name: contract.get(name, adopt.NONE) for name in ("id", "time", "group")} | _told_target(target)
    told = ", ".join(f"{name}={value}" for name, value in roles.items())
    cli.say(f"adopt: {told}; choose others with ID=, TIME=, GROUP=, POSITIVE=")
    if "group" in contract:
        count = table[contract["group"]].nunique()
        cli.say(
            f"adopt: all rows of one {contract['group']} train or all test, for {counted(len(table), 'row')} hold only "
            f"{count:,} of them; GROUP=none treats each row by itself"
        )
    if made and (others := row_ids.perhaps(table, target["name"])):
        cli.say(f"adopt: {', '.join(others[:5])} is different in every row: if it is the id, name it with ID=")
    if made:
        cli.say(
            f"adopt: no column identifies a row, so {contract['file']} got the column {contract['id']}: a hash of what "
            "the row holds, numbered where rows are equal. Where a thing has several rows, keep one of each and name "
            "the thing with ID=: docs/your-data.md (Rows of the same thing)"
        )
    for sentence in left:
        cli.say(f"adopt: left out {sentence}")
    if gaps := int(table[target["name"]].isna().sum()):
        cli.say(
            f"adopt: {gaps:,} of {counted(len(table), 'row')} have no {target['name']}: validate refuses "
            "them. Remove them"
        )


def _chance(reset: dict[str, Any]) -> str:
    return ", ".join(f"{name} above {bound['min']:g}" for name, bound in reset["gates.limits"].items())


def _told_target(target: dict[str, Any]) -> dict[str, Any]:
    """What was inferred of the target, for a sentence."""
    if "positive" in target:
        return {"positive": target["positive"]}
    classes = {"classes": ", ".join(target["classes"])} if "classes" in target else {}
    return {"task": target["task"]} | classes


def _tell_settings(params: Params, changes: Changes, reset: dict[str, Any]) -> None:
    """Say which settings follow from the table, which were reset and wait for somebody, and which stay."""
    ours = [name for name in changes if isinstance(name, str) and not name.startswith("data.") and name not in reset]
    cli.say(f"adopt: derived from the table: {', '.join(['data', *(f'{name} {changes[name]}' for name in ours)])}")
    if not any(name.startswith("card.") for name in reset):
        if reset:
            cli.say(f"adopt: reset {', '.join(reset)}, which named columns that are gone: docs/gates.md")
        return
    cli.say("adopt: reset card, which described the old model: say in params.yaml what this one is for")
    cli.say(
        f"adopt: reset the limits in gates to one, surely better than a guess ({_chance(reset)}), and "
        "evaluate.threshold to 0.5: set them to what this model must reach; where a class is rare, accuracy says little"
    )
    cli.say(
        "adopt: switched off gates.calibration, gates.fairness, gates.behaviour and the rules in validate until you "
        "say what must hold: docs/gates.md. gates.slices compares every column with the champion"
    )
    cli.say("adopt: left all other settings: train and tune.spaces are starting points, the rest holds for any table")
    name = params.project
    if not tracking.server() and (versions := registry.open_registry(name).state().versions):
        cli.say(
            f"adopt: the registry holds {counted(len(versions), 'version')} of the old table, kept as {name}; "
            "docs/registry.md (When something went wrong) says how to begin an empty one"
        )


if __name__ == "__main__":
    cli.run(main)
