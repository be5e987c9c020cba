"""The check of made columns against `data.made`, for rows that meet the contract."""

from typing import Any

from ml.model import columns, feature_code
from ml.model.made_checks import breaches, made_of
from ml.settings.data import Number
from serving.events import Refused
from serving.loaded_model import Model
from serving.problems import SHOWN_PROBLEMS, Problem


def keep(rows: list[dict[str, Any]], model: Model) -> None:
    """Raise Refused naming the made column and its source columns of each row that breaks its bounds."""
    data, text = model.contract.data, model.predictor.features
    if not data.made:
        return
    numbers = {name for name, column in data.columns.items() if isinstance(column, Number)}
    made = feature_code.made(text, columns.of_rows(rows, [*data.columns], numbers))
    found = [
        _problem(row, name, why, (made[name][row], text))
        for name, wrong, why in breaches(made, data)
        for row in wrong.nonzero()[0].tolist()
    ]
    if found:
        raise Refused(422, "contract", sorted(found, key=lambda one: one["row"] or 0)[:SHOWN_PROBLEMS])


def _problem(row: int, name: str, why: str, found: tuple[Any, str]) -> Problem:
    value, text = found
    value = None if why == "missing" else float(value)
    allowed = "a value" if why == "missing" else why.replace("outside", "a number from")
    message = f"row {row}, {made_of(name, text)}: {'no value' if value is None else f'{value:g}'}; allowed: {allowed}"
    return Problem(
        row=row, column=name, value=value, allowed=allowed, loc=["body", "rows", row, name], msg=message, type="made"
    )
