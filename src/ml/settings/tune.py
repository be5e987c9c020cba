"""Settings of the search for better parameters."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from ml.settings.metric_names import Metric
from ml.settings.section import Count, Section
from ml.settings.train import Train


class SearchSpan(Section):
    """A range for tuning, both ends inclusive; integers if both ends are integers."""

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
    """A list of choices for tuning."""

    choices: Annotated[tuple[Any, ...], Field(min_length=2, strict=False)]


class Tune(Section):
    """The search space of `make tune` for each model; all other parameters keep their value in train."""

    trials: Count = 30
    folds: Annotated[int, Field(ge=2)] = 4
    metric: Metric = "roc_auc"
    spaces: dict[str, dict[str, SearchSpan | Choice]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Self:
        for model, space in self.spaces.items():
            if "." in model:  # parameters of a class are known only after its import
                continue
            if model not in Train.model_fields:
                raise ValueError(f"spaces.{model}: no such model; a class is named by its import path")
            known = getattr(Train.model_fields[model].annotation, "model_fields", {})
            for name in space:
                if name not in known:
                    raise ValueError(f"spaces.{model}.{name}: no such setting; known: {', '.join(known)}")
        return self
