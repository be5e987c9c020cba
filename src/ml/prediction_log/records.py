"""Lines of the prediction log as records: what was predicted, and which labels came later."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

PREFIX = "features."
ROW = frozenset({"id", "score", "label"})  # beside the features in a row of a line
# added by monitoring and by the comparison with a challenger
ADDED = frozenset({"lag_days", "young", "again", "side", "decided"})
TAKEN = (
    ROW
    | ADDED
    | {
        *("segment", "line", "row", "request_id", "time", "model", "variant", "simulated", "canary_share"),
        *("actual", "actual_time", "actuals"),
    }
)  # names of our own in the table of the log


def in_line(feature: str) -> str:
    """The name of a feature in a line of the log: one that could be taken for ours is `features.<name>`."""
    return PREFIX + feature if feature in ROW or feature.startswith(PREFIX) else feature


def in_table(feature: str) -> str:
    """The name of a feature in the table of the log; no two features share one, and none is ours."""
    return PREFIX + feature if feature in TAKEN or feature.startswith(PREFIX) else feature


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
