"""Conditions before a table is adopted, and the files that adoption overwrites."""

from pathlib import Path

from ml.adoption.adopted_record import AdoptedRecord
from ml.io import files, git
from ml.io.errors import UserError
from ml.io.text import one_line

OURS = (files.PARAMS, Path("data.dvc"))  # overwritten files
ADOPTED = Path("build/adopted.json")  # the digests of written files, so that a repeated adoption loses nothing


def refuse_unsaved() -> None:
    """Raise UserError if a file to overwrite has uncommitted changes that adopt did not make."""
    known = AdoptedRecord.read(ADOPTED) if ADOPTED.exists() else AdoptedRecord(digests={})
    names = (git.ask("diff", "--name-only", "HEAD", "--", *map(str, OURS)) or "").split()
    unsaved = [name for name in names if Path(name).exists() and not known.wrote(Path(name))]
    if unsaved:
        raise UserError(
            f"{' and '.join(unsaved)} would be overwritten, but has uncommitted changes. Commit them, or undo "
            f"them with `git checkout {' '.join(unsaved)}`; DRY=1 shows the change of adopt."
        )


def named(data: str) -> Path:
    """The file in DATA=, with `~` expanded, because many shells do not expand it."""
    if not data:
        raise UserError("set a table and the column to predict: make adopt DATA=loans.csv TARGET=defaulted")
    source = Path(data).expanduser()
    if (name := source.name) != one_line(name):
        raise UserError(f"{name!r} is no file name for params.yaml and git. Rename the file: letters and digits.")
    if not source.exists():
        raise UserError(f"{data} does not exist. Correct the path in DATA=.")
    return source
