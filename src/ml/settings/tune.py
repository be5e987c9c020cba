"""Settings of the search for better parameters."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from ml.settings.metrics import Metric
from ml.settings.section import Count, Section
from ml.settings.train import Train


class Span(Section):
    """A range that tuning may draw from, both ends included: whole numbers when both ends are."""

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low {self.low:g} must be above 0 on a log scale")
        return self


class Choice(Section):
    """A list that tuning may choose from."""

    choices: Annotated[tuple[Any, ...], Field(min_length=2, strict=False)]


class Tune(Section):
    """What `make tune` searches: for each model the settings to try, every other one as it stands in train."""

    trials: Count = 30
    folds: Annotated[int, Field(ge=2)] = 4
    metric: Metric = "roc_auc"
    spaces: dict[str, dict[str, Span | Choice]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Self:
        for model, space in self.spaces.items():
            if "." in model:  # a class knows its own parameters once it is imported
                continue
            if model not in Train.model_fields:
                raise ValueError(f"spaces.{model}: no such model; a class is named by its import path")
            known = getattr(Train.model_fields[model].annotation, "model_fields", {})
            for name in space:
                if name not in known:
                    raise ValueError(f"spaces.{model}.{name}: no such setting; known: {', '.join(known)}")
        return self
