"""Make another table the project's data: the first step of a fork."""

import shutil
from pathlib import Path
from typing import Any

from ml import cli, dvc, files
from ml.adopt import infer, strange, untold
from ml.errors import UserError
from ml.params import describe_the_sample, read_params
from ml.registry import registry, tracking


def main(  # noqa: PLR0913, PLR0917  (a flag each)
    data: str, target: str, project: str = "", id_column: str = "", time: str = "", positive: str = ""
) -> None:
    """Describe table DATA in params.yaml, copy it into data/ and version it."""
    source = _named(data)
    table = files.read_table(source)
    if not target:
        raise UserError(f"name the column to predict with TARGET=. {source} has: {', '.join(map(str, table.columns))}.")
    roles = {"id": id_column, "time": time, "positive": positive}
    file = f"data/{source.name}"
    contract, left = infer(table, file, target, {k: v for k, v in roles.items() if v})
    params = read_params()
    other = describe_the_sample(params) or params.data.target.name != target
    gone, stale = strange(params.gates, contract["columns"]), untold(params) if other else {}
    edits = {"project": project or params.project, "data": contract} | stale | gone
    _edit(edits)
    _move_in(source, Path(file), Path(params.data.file))
    _tell(contract, left, [*gone])
    if stale:
        _tell_what_is_unset(edits["project"])
    print(f"params.yaml describes {len(contract['columns'])} columns of {file}; data.dvc holds its version.")
    print("Next: read params.yaml (limits and levels are guesses from this table), then make run")


def _named(data: str) -> Path:
    """The file in DATA=, where many shells leave `~` as it is."""
    if not data:
        raise UserError("name a table and the column to predict: make adopt DATA=loans.csv TARGET=defaulted")
    source = Path(data).expanduser()
    if source.suffix not in {".parquet", ".csv"}:
        raise UserError(f"{data} is neither .parquet nor .csv. Export the table as one of these.")
    if not source.exists():
        raise UserError(f"{data} is not there. Correct the path in DATA=.")
    return source


def _edit(sections: dict[str, Any]) -> None:
    """Change params.yaml, or leave it as it was when it would not be valid."""
    before = files.read_bytes(files.PARAMS)
    files.edit_yaml(files.PARAMS, sections)
    try:
        read_params()
    except UserError:
        files.write_bytes(before, files.PARAMS)
        raise


def _tell(contract: dict[str, Any], left: list[str], gone: list[str]) -> None:
    """Say what was guessed, what was left out and which gates no longer name columns."""
    roles = {"id": contract["id"], "time": contract.get("time", "none"), "positive": contract["target"]["positive"]}
    cli.say(f"adopt: {', '.join(f'{k}={v}' for k, v in roles.items())}; choose others with ID=, TIME=, POSITIVE=")
    for sentence in left:
        cli.say(f"adopt: left out {sentence}")
    if gone:
        cli.say(
            f"adopt: reset {', '.join(gone)}, which named columns of the old table; docs/gates.md says how to set it"
        )


def _tell_what_is_unset(project: str) -> None:
    """Say what spoke of the old table and now waits for somebody's words and numbers."""
    cli.say("adopt: reset card, which described the old model: say in params.yaml what this one is for")
    cli.say(
        "adopt: reset the limits in gates to one, roc_auc surely above chance (0.5), and evaluate.threshold to 0.5: "
        "set them to what this model must reach; where few rows are positive, accuracy says little"
    )
    if not tracking.server() and (versions := registry.open_registry(project).state().versions):
        cli.say(
            f"adopt: the registry holds {len(versions)} version(s) of the old table, which stay; "
            "docs/registry.md (When something went wrong) says how to begin an empty one"
        )


def _move_in(source: Path, file: Path, old: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    if source.resolve() != file.resolve():
        shutil.copyfile(source, file)
    if old != file:
        old.unlink(missing_ok=True)
    dvc.must("add", "data", hint="The table is in data/, and params.yaml describes it.")


if __name__ == "__main__":
    cli.run(main)
