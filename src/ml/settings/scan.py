"""Settings of the scan for vulnerabilities."""

from datetime import date
from typing import Annotated

from pydantic import Field

from ml.settings.section import Section


class AcceptedFinding(Section):
    """A known vulnerability that is accepted until a date, with the reason."""

    until: date
    reason: Annotated[str, Field(min_length=10)]


class Scan(Section):
    """Vulnerabilities that `make scan` accepts, by their id."""

    accept: dict[str, AcceptedFinding] = Field(default_factory=dict)
