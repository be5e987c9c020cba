"""The contract of a model, stored with it, so that serving needs no params.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ml.io.errors import UserError
from ml.settings.data import Data
from ml.settings.section import Section
from ml.settings.train import Decide

CONTRACT = "contract.json"


class Contract(Section):
    """The data contract and decision settings of a model."""

    project: str
    threshold: float
    data: Data
    negative: str | None = None  # the target's negative value; models of older releases do not have it
    half_width: float | None = None  # of the interval around a predicted number
    chosen: Decide | None = None  # the rule by which training chose the threshold, if there is one


def with_threshold(params: Any, threshold: float) -> Any:
    """The same settings with another evaluate.threshold."""
    return params.model_copy(update={"evaluate": params.evaluate.model_copy(update={"threshold": threshold})})


def settled(params: Any, folder: Path) -> Any:
    """The settings with the threshold of a model folder's contract, if training chose it."""
    contract = read_contract({CONTRACT: (folder / CONTRACT).read_bytes()}) if (folder / CONTRACT).is_file() else None
    return params if contract is None or contract.chosen is None else with_threshold(params, contract.threshold)


def read_contract(files: Mapping[str, bytes]) -> Contract:
    """The contract in a model folder's files; raises UserError when it is damaged."""
    try:
        return Contract.model_validate_json(files[CONTRACT])
    except ValidationError as error:
        raise UserError(
            f"{CONTRACT} of the model cannot be read: {error.errors()[0]['msg']}. Build it: make run"
        ) from None
