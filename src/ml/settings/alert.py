"""Settings of alerts."""

from typing import Annotated

from pydantic import Field

from ml.settings.section import Section


class Alert(Section):
    """When a silent source or schedule raises an alert."""

    workflow: str = "monitor.yml"
    silent_days: Annotated[float, Field(gt=0)] = 3
