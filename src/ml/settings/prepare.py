"""Settings of the split."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ml.settings.section import Open, Section


class Prepare(Section):
    """The split of rows into training and test rows."""

    test_share: Open = 0.2
    split_by: Literal["hash", "time"] = "hash"
    salt: str = ""
    gap_days: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _gap_needs_time(self) -> Self:
        if self.gap_days and self.split_by != "time":
            raise ValueError("gap_days needs split_by: time, because it precedes the newest rows")
        return self
