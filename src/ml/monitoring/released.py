"""The reference of the model that serves: the champion's out of the registry, or else that of the last build."""

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
    """A reference and the release it belongs to: `version 3`, or `the last build` while nothing is registered."""

    version: str
    reference: Reference
    season: str = ""  # a sentence on the season that inputs and predictions are compared with, where that was asked
    made: str = ""  # a sentence on why the columns of src/features.py are not compared


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
