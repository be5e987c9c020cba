"""Settings of training, of judging what was trained, and of searching better ones."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ml.settings.gates import Metric
from ml.settings.section import Count, Open, Section, Seed, Share

Estimator = Literal["random_forest", "hist_gradient_boosting", "logistic_regression"]


class RandomForest(Section):
    """Parameters of sklearn.ensemble.RandomForestClassifier."""

    n_estimators: Count = 150
    max_depth: Count | None = None
    min_samples_leaf: Count = 1
    max_features: Literal["sqrt", "log2"] | Share | None = "sqrt"
    class_weight: Literal["balanced", "balanced_subsample"] | None = None


class HistGradientBoosting(Section):
    """Parameters of sklearn.ensemble.HistGradientBoostingClassifier."""

    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    max_iter: Count = 100
    max_leaf_nodes: Annotated[int, Field(ge=2)] | None = 31
    min_samples_leaf: Count = 20
    l2_regularization: Annotated[float, Field(ge=0)] = 0.0


class LogisticRegression(Section):
    """Parameters of sklearn.linear_model.LogisticRegression."""

    C: Annotated[float, Field(gt=0)] = 1.0
    max_iter: Count = 1000
    class_weight: Literal["balanced"] | None = None


class Train(Section):
    """Which model is trained, and how each is set."""

    seed: Seed = 0
    model: Estimator = "random_forest"
    random_forest: RandomForest = RandomForest()
    hist_gradient_boosting: HistGradientBoosting = HistGradientBoosting()
    logistic_regression: LogisticRegression = LogisticRegression()


class Evaluate(Section):
    """How the model is judged on the test side."""

    threshold: Open = 0.5
    bootstrap: Annotated[int, Field(ge=100)] = 1000
    confidence: Open = 0.95


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
    spaces: dict[Estimator, dict[str, Span | Choice]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Self:
        for model, space in self.spaces.items():
            known = Train.model_fields[model].annotation.model_fields
            for name in space:
                if name not in known:
                    raise ValueError(f"spaces.{model}.{name}: no such setting; known: {', '.join(known)}")
        return self
