"""Lines of the prediction log as records: what was predicted, and which labels came later."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

FEATURES = "features"  # of a row of a line: its features by name
PREFIX = "features."
ROW = frozenset({"id", "score", "label"})  # beside the features in a row of a line


def in_table(feature: str) -> str:
    """The name of a feature in the table of the log; none is the name of a column of ours."""
    return PREFIX + feature


def feature(column: str) -> str:
    """The name in the table of a column of features, which older lines and days have without the prefix."""
    return column if column.startswith(PREFIX) else PREFIX + column


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a line by the columns of the table; older lines hold the features beside id, score and label."""
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
    simulated: bool = False  # sent by a simulation, at a time of its own calendar
    canary_share: float | None = None  # of the ids, that the challenger was to answer


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
