"""The reference of the served model: the champion's from the registry, or otherwise that of the last build."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from ml.io import files
from ml.io.errors import UserError
from ml.model import reference
from ml.model.reference import Reference
from ml.registry import registry
from ml.registry.ledger import CHAMPION


@dataclass(frozen=True)
class Released:
    """A reference and its release: `version 3`, or `the last build` if nothing is registered."""

    version: str
    reference: Reference
    season: str = ""  # a sentence on the season of the reference, if configured
    made: str = ""  # the reason that the columns of src/features.py are not compared


def released(project: str, home: Path = registry.HOME) -> Released:
    """The reference that monitoring compares with; raises UserError when the champion was registered without one."""
    store = registry.open_registry(project, home)
    champion = store.state().named(CHAMPION)
    if champion is None:
        return Released("the last build", reference.loads(files.read_bytes(files.REFERENCE), str(files.REFERENCE)))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        store.fetch(champion, place)
        path = place / files.REFERENCE.name
        if not path.exists():
            raise UserError(
                f"version {champion.number} was registered without {path.name}, so no "
                "comparison is possible. Every new version has this file: run `make run` and "
                "`make register`."
            )
        return Released(f"version {champion.number}", reference.loads(path.read_bytes(), f"version {champion.number}"))
