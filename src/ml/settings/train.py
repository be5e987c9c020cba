"""Settings of training."""

from typing import Annotated, Literal

from pydantic import Field

from ml.settings.section import Count, Section, Seed, Share

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
