"""Lines of the prediction log as records: what was predicted, and which labels came later."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json


def _in_range(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("it is beyond the calendar in UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_range)]


class Prediction(BaseModel):
    """One answered request; each row holds its id, its features, the score and the label."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["prediction"]
    request_id: str
    time: Moment
    model: str
    variant: str
    rows: list[dict[str, Any]]
    simulated: bool = False  # sent by a simulation, at a time of its own calendar


class Feedback(BaseModel):
    """The label that turned out to be right for the row with this id."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["feedback"]
    time: Moment
    id: str | int | float
    label: str | bool | int | float


_RECORD = TypeAdapter(Prediction | Feedback)


def parse(line: bytes) -> Prediction | Feedback | None:
    """The record in a line, None when there is none: damaged, not UTF-8, NaN in it, or a field missing."""
    try:
        return _RECORD.validate_python(from_json(line, allow_inf_nan=False))
    except (ValueError, ValidationError):
        return None
