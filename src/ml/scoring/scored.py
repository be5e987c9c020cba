"""A model with the name that its answers bear, from a folder or the registry."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ml.io.errors import UserError
from ml.model import identity, predictor
from ml.model.predictor import Contract, Predictor
from ml.registry import sources
from ml.registry.ledger import CHAMPION


@dataclass(frozen=True)
class Scorer:
    """A model that scores: `name` is `<project>@<version or digest>`, as in the API."""

    name: str
    digest: str
    contract: Contract
    files: Mapping[str, bytes]

    @cached_property
    def predictor(self) -> Predictor:
        """What scores; each process makes its own from the files."""
        return predictor.from_files(self.files, self.name)

    def __getstate__(self) -> dict[str, Any]:
        """All but the predictor, which cannot be sent to another process."""
        return {name: value for name, value in self.__dict__.items() if name != "predictor"}


def load(source: str) -> Scorer:
    """The model at a path or a `models:/name@alias`; raises UserError saying what is wrong with it."""
    files, version, _ = sources.files(source)
    try:
        contract = predictor.read_contract(files)
    except ValueError as error:
        raise UserError(f"{source}: its contract cannot be read ({error}). Train again, or restore it.") from None
    digest = identity.digest(files)
    name = f"{contract.project}@{version or digest[:12]}"
    found = Scorer(name, digest, contract, files)
    found.predictor  # noqa: B018 - a damaged one is refused before any row is read
    return found


def must_be_champion(model: Scorer) -> None:
    """Raise UserError unless this model is the champion of the registry now."""
    source = f"{sources.SCHEME}{model.contract.project}@{CHAMPION}"
    champion = sources.digest(source)
    if champion != model.digest:
        raise UserError(f"{model.name} is not the champion, {champion[:12]}. Score with MODEL={source}.")


def same_rows(model: Scorer, challenger: Scorer) -> None:
    """Raise UserError when two models do not take the same rows."""
    ours, theirs = model.contract.data, challenger.contract.data
    if (ours.columns, ours.id) != (theirs.columns, theirs.id):
        raise UserError(f"{challenger.name} was trained for another contract than {model.name}: name another.")
