"""A model from a folder or the registry, with its name in predictions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from ml.io.errors import UserError
from ml.model import identity, model_contract, predictor
from ml.model.model_contract import Contract
from ml.model.predictor import Predictor
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
        """The predictor; each process makes its own from the files."""
        return predictor.from_files(self.files, self.name)

    @cached_property
    def explain(self) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
        """The explainer of rows; raises UserError, naming what is missing, if there is none."""
        try:
            from ml.model.explanation import of_rows  # noqa: PLC0415 - imports that only explanations need
        except ImportError as error:
            raise UserError(
                f"explaining needs {error.name}: `make setup`, or install src/locks/pipeline.txt."
            ) from None
        return of_rows(self.files, self.contract.data)

    def explained(self, table: pd.DataFrame, rows: list[dict[str, Any]]) -> pd.DataFrame:
        """The predictions with a base and the contribution of each column; they add up to the score."""
        found = self.explain(rows or [{}])  # a chunk without rows gets the same columns
        flat = [[one["base"], *one["contributions"].values()] for one in found][: len(rows)]
        names = ["explanation_base", *(f"contribution_{name}" for name in found[0]["contributions"])]
        values = pd.DataFrame(flat, columns=names, index=table.index, dtype="float64")
        return pd.concat([table, values], axis=1)

    def __getstate__(self) -> dict[str, Any]:
        """Everything that can be sent to another process."""
        return {name: value for name, value in self.__dict__.items() if name not in {"predictor", "explain"}}


def load(source: str) -> Scorer:
    """The model at a path or a `models:/name@alias`; raises UserError with the reason if it is invalid."""
    files, version, _ = sources.files(source)
    try:
        contract = model_contract.read_contract(files)
    except ValueError as error:
        raise UserError(f"{source}: its contract cannot be read ({error}). Train again, or restore it.") from None
    digest = identity.digest(files)
    name = f"{contract.project}@{version or digest[:12]}"
    found = Scorer(name, digest, contract, files)
    found.predictor  # noqa: B018 - a damaged one is refused before any row is read
    return found


def pair(source: str, challenger: str, *, champion: bool) -> list[Scorer]:
    """The model and its challenger, if one is named; raises UserError unless both score the same rows.

    With `champion` the model must be the champion.
    """
    models = [load(source)]
    if champion:
        must_be_champion(models[0])
    if challenger:
        models.append(load(challenger))
        same_rows(*models)
    return models


def must_be_champion(model: Scorer) -> None:
    """Raise UserError unless this model is the registry's current champion."""
    source = f"{sources.SCHEME}{model.contract.project}@{CHAMPION}"
    champion = sources.digest(source)
    if champion != model.digest:
        raise UserError(f"{model.name} is not the champion, {champion[:12]}. Score with MODEL={source}.")


def same_rows(model: Scorer, challenger: Scorer) -> None:
    """Raise UserError if two models have different contracts."""
    ours, theirs = model.contract.data.as_sent(), challenger.contract.data.as_sent()
    if (ours.columns, ours.id, ours.target) != (theirs.columns, theirs.id, theirs.target):
        differ = sorted({n for n in ours.columns | theirs.columns if ours.columns.get(n) != theirs.columns.get(n)})
        raise UserError(
            f"{challenger.name} was trained for another contract than {model.name}: "
            f"{', '.join(differ) or 'the id or the target'} differ. Choose another challenger."
        )
