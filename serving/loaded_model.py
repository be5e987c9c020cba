"""Models that serve: from a folder, or from the registry by alias."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.io.errors import UserError
from ml.model import identity, model_contract, predictor
from ml.model.model_contract import Contract
from ml.model.predictor import Predictor
from ml.registry import sources as registry

LINEAGE = "lineage.json"


@dataclass(frozen=True)
class Model:
    """A loaded model: `name` is `<project>@<version or digest>`, `note` says why scikit-learn serves, if it does."""

    name: str
    source: str
    digest: str
    contract: Contract
    predictor: Predictor
    note: str | None
    lineage: dict[str, Any] | None
    version: int | None = None  # in the registry


def load(source: str) -> Model:
    """The model at a path or a `models:/name@alias`; raises UserError with the reason if it is invalid."""
    files, version, lineage = registry.files(source)
    try:
        contract = model_contract.read_contract(files)
        lineage = lineage or (json.loads(files[LINEAGE]) if LINEAGE in files else None)
        form = json.loads(files[predictor.FORM])["estimator"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"{source}: its contract or form cannot be read ({error}). Train again, or restore it."
        ) from None
    digest = identity.digest(files)
    if version and registry.name(source) != contract.project:
        raise UserError(f"{source} is a model of {contract.project}. Write models:/{contract.project}…")
    try:
        loaded = predictor.from_files(files, source)
    except ImportError as error:
        raise UserError(
            f"{source} has no compiled form and needs scikit-learn, but {error.name} is missing. "
            "Install it: `pip install --require-hashes -r src/locks/uncompiled.txt`."
        ) from None
    _try(loaded, contract, source)
    name = f"{contract.project}@{version or digest[:12]}"
    return Model(name, source, digest, contract, loaded, form.get("reason"), lineage, version)


def same_contract(champion: Model, other: Model) -> None:
    """Raise UserError if two models have different contracts, apart from how each encodes levels."""
    ours, theirs = champion.contract.data.as_sent(), other.contract.data.as_sent()
    if (ours.columns, ours.made, ours.id, ours.target) != (theirs.columns, theirs.made, theirs.id, theirs.target):
        differ = sorted({n for n in ours.columns | theirs.columns if ours.columns.get(n) != theirs.columns.get(n)})
        raise UserError(
            f"{other.source} was trained for another contract than {champion.source}: "
            f"{', '.join(differ) or 'the id, the target or data.made'} differ. Serve models of one contract, or "
            "restart with the new one."
        )


def _try(loaded: Predictor, contract: Contract, source: str) -> None:
    """Score one row, so that a model that fails is refused at the start."""
    from serving.request_model import example  # noqa: PLC0415

    try:
        found = np.asarray(loaded.scores([example(contract.data)])[0], dtype="float64")
    except Exception as error:  # noqa: BLE001  (whatever the runtime raises, the model is unfit)
        raise UserError(f"{source} cannot score a row of its own contract: {error}. Train again.") from None
    classes = len(contract.data.target.classes)
    if contract.data.target.numeric:
        fits, what = bool(found.ndim == 0 and np.isfinite(found)), "no finite number"
    else:
        fits = bool(found.shape == ((classes,) if classes else ()) and (found >= 0).all() and (found <= 1).all())
        what = "no probability" + (" for each class" if classes else "")
    if not fits:
        raise UserError(f"{source} gives the score {found} to a row of its own contract, which is {what}. Train again.")
