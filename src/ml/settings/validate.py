"""Settings of the checks of the whole table, in addition to the contract of its columns."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ml.settings.section import Count, Range, Section, Share


class Expectation(Section):
    """Any Great Expectations expectation, by its type name."""

    type: str
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: Literal["critical", "warning", "info"] = "critical"


class Validate(Section):
    """Checks of the whole table, in addition to the contract of its columns."""

    min_rows: Count = 1
    target_rate: Range = Range()
    duplicate_share: Share = 1.0
    max_age_days: Count | None = None
    expectations: Annotated[tuple[Expectation, ...], Field(strict=False)] = ()
