"""Make another table the project's data: the first step of a fork."""

import shutil
import subprocess
from pathlib import Path

from ml import cli, files
from ml.adopt import infer, strange
from ml.errors import UserError
from ml.params import read_params


def main(  # noqa: PLR0913, PLR0917  (a flag each)
    data: str, target: str, project: str = "", id_column: str = "", time: str = "", positive: str = ""
) -> None:
    """Describe table DATA in params.yaml, copy it into data/ and version it."""
    source = Path(data)
    if source.suffix not in {".parquet", ".csv"}:
        raise UserError(f"{data} is neither .parquet nor .csv.")
    roles = {"id": id_column, "time": time, "positive": positive}
    file = f"data/{source.name}"
    contract, left = infer(files.read_table(source), file, target, {k: v for k, v in roles.items() if v})
    params, before = read_params(), files.read_bytes(files.PARAMS)
    gone = strange(params.gates, contract["columns"])
    files.edit_yaml(files.PARAMS, {"project": project or params.project, "data": contract} | gone)
    try:
        read_params()
    except UserError:
        files.write_bytes(before, files.PARAMS)
        raise
    _move_in(source, Path(file), Path(params.data.file))
    roles = {"id": contract["id"], "time": contract.get("time", "none"), "positive": contract["target"]["positive"]}
    cli.say(f"adopt: {', '.join(f'{k}={v}' for k, v in roles.items())}; choose others with ID=, TIME=, POSITIVE=")
    for sentence in left:
        cli.say(f"adopt: left out {sentence}")
    if gone:
        cli.say(
            f"adopt: reset {', '.join(gone)}, which named columns of the old table; docs/gates.md says how to set it"
        )
    print(f"params.yaml describes {len(contract['columns'])} columns of {file}; data.dvc holds its version.")
    print("Next: read params.yaml (limits and levels are guesses from this table), then make run")


def _move_in(source: Path, file: Path, old: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    if source.resolve() != file.resolve():
        shutil.copyfile(source, file)
    if old != file:
        old.unlink(missing_ok=True)
    if subprocess.run(["dvc", "add", "--quiet", "data"], check=False).returncode:
        raise UserError("`dvc add data` failed; its message is above. The table is in data/, params.yaml describes it.")


if __name__ == "__main__":
    cli.run(main)
