"""Settings of the evaluation."""

from typing import Annotated

from pydantic import Field

from ml.settings.section import Open, Section


class Evaluate(Section):
    """Evaluation of the model on the test side."""

    threshold: Open = 0.5
    coverage: Open = 0.9
    bootstrap: Annotated[int, Field(ge=100)] = 1000
    confidence: Open = 0.95


DECISION = {"evaluate.threshold": Evaluate().threshold}  # the setting that decides between two values, by its path
