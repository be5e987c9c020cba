"""Lines of the prediction log as records: predictions and late labels."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

FEATURES = "features"  # key of a row's features, by name
PREFIX = "features."
ROW = frozenset({"id", "score", "label"})  # the other keys of a row


def in_table(feature: str) -> str:
    """The name of a feature in the table of the log; the prefix keeps it apart from the log's own columns."""
    return PREFIX + feature


def feature(column: str) -> str:
    """The name in the table of a column of features, which older lines and days have without the prefix."""
    return column if column.startswith(PREFIX) else PREFIX + column


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a line as columns of the table; older lines hold the features beside id, score and label."""
    nested = row.get(FEATURES)
    if isinstance(nested, dict):
        return {in_table(name): value for name, value in nested.items()} | {k: v for k, v in row.items() if k in ROW}
    return {name if name in ROW else feature(name): value for name, value in row.items()}


def _in_range(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("it is outside the calendar in UTC") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_range)]


class Prediction(BaseModel):
    """One answered request; each row holds its id, `features`, the score and the label (`flat` reads older rows)."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["prediction"]
    request_id: str
    time: Moment
    model: str
    variant: str
    rows: list[dict[str, Any]]
    simulated: bool = False  # sent by a simulation, with a simulated time
    canary_share: float | None = None  # share of the ids that the challenger answers


class Feedback(BaseModel):
    """The true label of the row with this id."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["feedback"]
    time: Moment
    id: str | int | float
    label: str | bool | int | float


_RECORD = TypeAdapter(Prediction | Feedback)


def parse(line: bytes) -> Prediction | Feedback | None:
    """The record in a line; None for a damaged line, invalid UTF-8, NaN or a missing field."""
    try:
        return _RECORD.validate_python(from_json(line, allow_inf_nan=False))
    except (ValueError, ValidationError):
        return None
