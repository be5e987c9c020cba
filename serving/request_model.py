"""The data contract as the request models of the API: rows to predict, and late labels."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter

from ml.settings.data import Data
from ml.tasks.label_words import LabelContract, label_type
from serving.fields import LIST, MADE, Id, field, middle

MOST_LABELS = 1000


@dataclass(frozen=True)
class Body:
    """The validators of one contract; a valid row is a plain dict. `predict` stops at the first invalid row.

    `quick` refuses numbers written as text and takes half the time; the other validators check again what it refuses.
    """

    data: Data
    predict: Any
    adapter: TypeAdapter
    rows: TypeAdapter
    quick: TypeAdapter


def body(data: Data, max_rows: int, unknown: Literal["refuse", "ignore"]) -> Body:
    """The request model of a contract: `{"rows": [{column: value, …}, …]}`."""
    row, quick = (_row(data, unknown, text=text) for text in (True, False))
    rows: Any = Annotated[LIST[row], Field(min_length=1, max_length=max_rows)]
    predict, quick = (_predict(kind, data, max_rows) for kind in (row, quick))
    return Body(data, predict, TypeAdapter(predict), TypeAdapter(rows), TypeAdapter(quick))


def _row(data: Data, unknown: Literal["refuse", "ignore"], *, text: bool) -> Any:
    fields = {name: field(column, text=text) for name, column in data.columns.items()}
    fields[data.id] = NotRequired[Annotated[Id | None, Field(description="Joins late labels to this prediction.")]]
    row: Any = MADE("Row", fields)
    row.__pydantic_config__ = ConfigDict(
        extra="forbid" if unknown == "refuse" else "ignore", strict=True, allow_inf_nan=False
    )
    return row


def _predict(row: Any, data: Data, max_rows: int) -> Any:
    first: Any = Annotated[LIST[row], Field(min_length=1, max_length=max_rows, fail_fast=True)]
    predict = MADE("Predict", {"rows": first})
    predict.__pydantic_config__ = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"rows": [example(data)]}]}
    )
    return predict


def feedback(model: LabelContract) -> Any:
    """The request model of late labels: `{"labels": [{"id": …, "label": …}, …]}`, with the values of the target."""
    kind, example = label_type(model)
    label: Any = MADE("Label", {"id": Id, "label": kind})
    label.__pydantic_config__ = ConfigDict(extra="forbid", strict=True)
    labels: Any = Annotated[LIST[label], Field(min_length=1, max_length=MOST_LABELS)]
    many = MADE("Feedback", {"labels": labels})
    shown: Any = {"labels": [{"id": "example-1", "label": example}]}
    many.__pydantic_config__ = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [shown]})
    return many


def example(data: Data) -> dict[str, Any]:
    """A valid row: the middle of each range, the first level."""
    return {data.id: "example-1"} | {name: middle(column) for name, column in data.columns.items()}
