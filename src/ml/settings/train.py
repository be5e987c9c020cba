"""Settings of training."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from ml.io.text import meant
from ml.settings.section import Count, Open, Section, Seed, Share

EXTRAS = ("lightgbm", "xgboost", "catboost")  # libraries with a lock file of their own
PATH = re.compile(r"[a-z_]\w*(\.\w+)+")  # of a class or a function that is imported

Directions = dict[str, Literal[-1, 0, 1]]  # by column: the direction in which a larger number may move the score


class RandomForest(Section):
    """Parameters of sklearn.ensemble.RandomForestClassifier."""

    n_estimators: Count = 150
    max_depth: Count | None = None
    min_samples_leaf: Count = 1
    max_features: Literal["sqrt", "log2"] | Share | None = "sqrt"
    class_weight: Literal["balanced", "balanced_subsample"] | None = None
    monotonic_cst: Directions | None = None
    oob_score: bool = False


class HistGradientBoosting(Section):
    """Parameters of sklearn.ensemble.HistGradientBoostingClassifier."""

    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    max_iter: Count = 100
    max_leaf_nodes: Annotated[int, Field(ge=2)] | None = 31
    min_samples_leaf: Count = 20
    l2_regularization: Annotated[float, Field(ge=0)] = 0.0
    class_weight: Literal["balanced"] | None = None
    monotonic_cst: Directions | None = None


class LogisticRegression(Section):
    """Parameters of sklearn.linear_model.LogisticRegression."""

    C: Annotated[float, Field(gt=0)] = 1.0
    max_iter: Count = 1000
    class_weight: Literal["balanced"] | None = None


class Ridge(Section):
    """Parameters of sklearn.linear_model.Ridge, the linear model of a regression."""

    alpha: Annotated[float, Field(gt=0)] = 1.0


class Decide(Section):
    """How the threshold is chosen on training folds: by the cost of errors, or by a target precision or recall."""

    false_positive: Annotated[float, Field(gt=0)] | None = None
    false_negative: Annotated[float, Field(gt=0)] | None = None
    precision: Open | None = None
    recall: Open | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        costs = self.false_positive is not None or self.false_negative is not None
        if [costs, self.precision is not None, self.recall is not None].count(True) != 1:
            raise ValueError("set one of these: costs (false_positive, false_negative), precision, or recall")
        return self


class Train(Section):
    """The model to train (a short name or an import path), and the parameters of each model."""

    model_config = ConfigDict(extra="allow")

    seed: Seed = 0
    model: str = "random_forest"
    preprocessing: Literal["standard", "none"] = "standard"
    calibration: Literal["sigmoid", "isotonic"] | None = None
    held_back: Share = 0.2
    early_stopping: Count | None = None
    workers: Count | None = None
    threshold: Decide | None = None
    random_forest: RandomForest = RandomForest()
    hist_gradient_boosting: HistGradientBoosting = HistGradientBoosting()
    logistic_regression: LogisticRegression = LogisticRegression()
    ridge: Ridge = Ridge()

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        """An imported class has its parameters under its path; `train` checks them against its signature."""
        for key, value in values.items() if isinstance(values, dict) else ():
            if key not in cls.model_fields and not (PATH.fullmatch(key) and isinstance(value, dict)):
                hint = meant(str(key), cls.model_fields, f"known here: {', '.join(cls.model_fields)}.")
                raise ValueError(f"unknown setting `{key}`; {hint}")
        return values

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.workers and self.early_stopping:
            raise ValueError("workers and early_stopping exclude each other; remove one")
        return self

    @model_validator(mode="after")
    def _known_model(self) -> Self:
        named = [name for name, field in Train.model_fields.items() if isinstance(field.default, Section)]
        if self.model not in named and not PATH.fullmatch(self.model):
            hint = meant(self.model, named, f"known: {', '.join(named)}, or a class's path.")
            raise ValueError(f"model: `{self.model}` is neither a short name nor an import path; {hint}")
        return self

    @property
    def library(self) -> str:
        """The library of train.model if it has its own lock file, otherwise ""."""
        return next((name for name in EXTRAS if self.model.startswith(f"{name}.")), "")

    @property
    def decide(self) -> Decide | None:
        """The rule by which training chooses the decision, None where settings give it."""
        return self.threshold

    def parameters(self) -> dict[str, Any]:
        """The parameters of train.model."""
        return dict(getattr(self, self.model, {}))

    def after(self) -> dict[str, Any]:
        """The settings of the steps after the fit that are set: calibration, and the rule of decision."""
        found = {"calibration": self.calibration} if self.calibration else {}
        return found | ({"threshold": self.threshold.model_dump(exclude_none=True)} if self.threshold else {})
