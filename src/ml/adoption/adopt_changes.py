"""The changes of params.yaml for another table, and the table itself if it gets an id."""

import difflib
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ml.adoption import exported_files, inference, proposed_contract, proposed_text
from ml.data import row_ids
from ml.data.schema import levels, with_columns
from ml.io import yaml_edit
from ml.settings.params import Params, describe_the_sample
from ml.tasks.kinds import DEFAULT, KINDS

Changes = dict[yaml_edit.Path, Any]
ROLES = ("file", "id", "time", "time_format", "group", "weight", "target")  # sections other than data and its columns


class NewTable(NamedTuple):
    """Settings of a person for the new table; empty ones are guessed."""

    target: str
    roles: dict[str, str]  # the columns id, time, group, weight, and text: those of free text
    positive: str
    time_format: str
    task: str = ""


class Described(NamedTuple):
    """The new table as the contract describes it; `ours` is the table to write, or None for its own file."""

    contract: dict[str, Any]
    left: list[str]
    typed: inference.Inferred
    stem: str
    made: bool
    ours: pd.DataFrame | None


def described(source: Path, found: exported_files.ExportedTable, asked: NewTable) -> Described:
    """The contract of the table that was read, and the table with inferred types."""
    frame, stem = found.table.frame, source.name.split(".")[0] or source.name
    texts = proposed_text.named(asked.roles.get("text", ""), frame)
    typed = inference.typed(frame, asked.target, asked.roles["id"], asked.roles["time"], *texts)
    roles = {role: name for role, name in asked.roles.items() if name}
    contract, left = proposed_contract.infer(
        typed.frame, f"data/{source.name}", asked.target, roles, asked.positive or None, asked.task
    )
    if "time" in contract:
        contract |= inference.time_format(frame[contract["time"]], asked.time_format)
    made = contract["id"] not in typed.frame
    if not made and found.as_it_is:
        return Described(contract, left, typed, stem, made, None)
    contract["file"] = f"data/{stem}.parquet"
    ours = written(typed.frame, contract["id"] if made else "")
    return Described(contract, left, typed, stem, made, ours)


def changes(
    params: Params, contract: dict[str, Any], rows: int, project: str, stem: str
) -> tuple[Changes, dict[str, Any]]:
    """All changes of params.yaml, and those that reset settings of the old table."""
    sample, timed = describe_the_sample(params), "time" in contract
    found: Changes = {f"data.{key}": contract.get(key, yaml_edit.REMOVE) for key in ROLES}
    if {*contract["columns"]} == {*params.data.columns}:
        found |= {("data", "columns", name): column for name, column in contract["columns"].items()}
    else:
        found |= {"data.columns": contract["columns"]}
    kind = KINDS[contract["target"].get("task", DEFAULT.name)]
    another = sample or params.data.target.kind is not kind
    another |= proposed_contract.another(params, contract["target"]["name"], contract["columns"])
    ours = proposed_contract.project_name(
        Path(params.data.file).stem, params.data.target.name
    )  # the name was never changed
    if project or sample or (another and params.project == ours):
        found["project"] = project or proposed_contract.project_name(stem, contract["target"]["name"])
    reset = proposed_contract.strange(params.gates, contract["columns"])
    if another:
        reset = proposed_contract.untold(params, kind) | proposed_contract.unruled(params)
        if params.train.model in {other.linear for other in KINDS.values()} - {kind.linear}:
            found["train.model"] = kind.linear
        return found | proposed_contract.derived(params, rows, timed=timed) | reset, reset
    return found | ({} if timed else proposed_contract.untimed(params)) | reset, reset


def merged(changes: Changes, proposed: dict[str, Any]) -> Changes:
    """The changes, with proposed gates instead of disabled ones."""
    gates = {".".join(path.split(".")[:2]) for path in proposed}
    return {**{path: value for path, value in changes.items() if path not in gates}, **proposed}


def written(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table in a form for Parquet: mixed text as text, and a column of ids in front if one is made."""
    texts = {column: levels(table[column]) for column in table if table[column].dtype == object}
    table = with_columns(table, texts)
    return pd.concat([row_ids.made(table).rename(name), table], axis="columns") if name else table


def difference(before: str, after: str) -> str:
    """The change of params.yaml as a unified diff."""
    return "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), "params.yaml", "new", n=1))
