"""The requests and responses of the API that do not depend on the contract, for the OpenAPI document."""

from typing import Any

from typing_extensions import TypedDict

from serving.problems import Problem
from serving.request_model import MADE


def answer(prediction: Any) -> Any:
    """The type of the response to a request, whose rows have this type."""
    kind = MADE("Answer", {"request_id": str, "predictions": list[prediction]})
    kind.__doc__ = "The predictions of a request, in the order of its rows."
    return kind


class Accepted(TypedDict):
    """The number of recorded labels."""

    accepted: int
    request_id: str


class Refusal(TypedDict):
    """The reasons for a refused request."""

    detail: str | list[Problem]
    request_id: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": text}
    for status, text in {
        400: "Not of the expected shape", 401: "No valid key", 413: "Too large", 415: "Wrong content type",
        422: "Breaks the contract", 429: "Too many requests", 501: "Cannot explain",
        503: "The prediction log cannot be written",
    }.items()
}  # fmt: skip
