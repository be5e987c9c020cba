"""The contract of a model, stored with it, so that serving needs no params.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from ml.io.errors import UserError
from ml.settings.data import Data
from ml.settings.section import Project, Section
from ml.settings.train import Decide
from ml.tasks.kinds import DecisionRule

CONTRACT = "contract.json"


class Contract(Section):
    """The data contract and decision settings of a model."""

    project: Project
    threshold: float
    data: Data
    negative: str | None = None  # the target's negative value; models of older releases do not have it
    half_width: float | None = None  # of the interval around a predicted number
    chosen: Decide | None = None  # the rule by which training chose the threshold, if there is one

    @classmethod
    def of(cls, project: str, data: Data, rule: DecisionRule, **more: Any) -> Self:
        """The contract of a model that decides by this rule."""
        return cls(project=project, threshold=rule.threshold, data=data, **more)

    def plain(self) -> dict[str, Any]:
        """The decision and the columns, as the API shows them."""
        return {"threshold": self.threshold, "contract": self.data.model_dump()}


def decided_by(params: Any, rule: DecisionRule) -> Any:
    """The same settings, deciding by this rule."""
    return params.model_copy(update={"evaluate": params.evaluate.model_copy(update={"threshold": rule.threshold})})


def settled(params: Any, folder: Path) -> Any:
    """The settings, deciding by the contract of a model folder if training chose how."""
    contract = read_contract({CONTRACT: (folder / CONTRACT).read_bytes()}) if (folder / CONTRACT).is_file() else None
    return params if contract is None or contract.chosen is None else decided_by(params, contract)


def read_contract(files: Mapping[str, bytes]) -> Contract:
    """The contract in a model folder's files; raises UserError when it is damaged."""
    try:
        return Contract.model_validate_json(files[CONTRACT])
    except ValidationError as error:
        raise UserError(
            f"{CONTRACT} of the model cannot be read: {error.errors()[0]['msg']}. Build it: make run"
        ) from None
