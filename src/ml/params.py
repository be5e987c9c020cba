"""Settings: `params.yaml`, read once into frozen models that refuse what they do not know."""

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ml.errors import UserError
from ml.gate_params import Gates, Metric
from ml.section import Count, Open, Range, Section, Seed, Share, Strings

Estimator = Literal["random_forest", "hist_gradient_boosting", "logistic_regression"]


class Number(Range):
    """A numeric column: float64 in the pipeline; true and false count as 1 and 0."""

    type: Literal["number"]
    missing: Share = 0.0


class Category(Section):
    """A column of levels, always strings in the pipeline."""

    type: Literal["category"]
    values: Annotated[Strings, Field(min_length=1)]
    missing: Share = 0.0

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        twice = sorted({v for v in self.values if self.values.count(v) > 1})
        if twice:
            raise ValueError(f"values lists {', '.join(twice)} more than once")
        return self


class Target(Section):
    """The label column and the value that counts as positive."""

    name: str
    positive: bool | int | str = True


class Data(Section):
    """The data contract: where the table is and what its columns hold."""

    file: str
    id: str
    time: str | None = None
    target: Target
    columns: Annotated[dict[str, Annotated[Number | Category, Field(discriminator="type")]], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_role_each(self) -> Self:
        roles = [self.id, self.target.name, *([self.time] if self.time else [])]
        twice = sorted({n for n in roles if n in self.columns or roles.count(n) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)}: a column is id, time, target or feature, not two of them")
        if not self.file.endswith((".parquet", ".csv")):
            raise ValueError(f"file {self.file} is neither .parquet nor .csv")
        return self


class Expectation(Section):
    """Any Great Expectations expectation, by its type name."""

    type: str
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: Literal["critical", "warning", "info"] = "critical"


class Validate(Section):
    """Rules about the whole table, beside the contract of the columns."""

    min_rows: Count = 1
    target_rate: Range = Range()
    duplicate_share: Share = 1.0
    max_age_days: Count | None = None
    expectations: Annotated[tuple[Expectation, ...], Field(strict=False)] = ()


class Prepare(Section):
    """How rows go to the train or the test side."""

    test_share: Open = 0.2
    split_by: Literal["hash", "time"] = "hash"


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


class Card(Section):
    """What the model card says in people's words."""

    purpose: str = "Not stated yet: set card.purpose in params.yaml."
    not_for: str = "Anything but the purpose above."
    limits: str = "The model knows what its training rows showed; the gates below say how it did on other rows."
    contact: str = "Whoever owns this repository."


class Log(Section):
    """How served predictions are remembered; `PREDICTION_LOG` names another directory, or the place to ship to."""

    directory: str = "logs"
    fsync: Literal["none", "batch", "always"] = "none"
    fsync_ms: Annotated[int, Field(ge=1, le=60_000)] = 50
    segment_mb: Annotated[float, Field(gt=0)] = 64
    segment_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300
    unavailable: Literal["refuse", "count"] = "refuse"
    keep_segments_days: Annotated[float, Field(ge=0)] = 7
    keep_days: Count | None = None


class Retrain(Section):
    """Which rows a retraining takes, what must be true of them, and how often it may propose a model."""

    policy: Literal["append", "window"] = "append"
    window_months: Count = 12
    min_rows: Count = 500
    max_quarantined: Share = 0.05
    cooldown_days: Annotated[int, Field(ge=0)] = 7
    base: str = "main"


class Alert(Section):
    """When silence is trouble."""

    workflow: str = "monitor.yml"
    silent_days: Annotated[float, Field(gt=0)] = 3


class Monitor(Section):
    """When a window of predictions has drifted or its model has become worse."""

    min_rows: Count = 500
    alpha: Open = 0.05
    effect: Share = 0.1
    missing_rise: Share = 0.05
    source: str = ""
    window_days: Annotated[float, Field(gt=0)] = 30
    window_rows: Count = 50_000
    metric: Metric = "roc_auc"
    min_labels: Annotated[int, Field(ge=40)] = 200


class Accepted(Section):
    """A known vulnerability that may be shipped for a while, and why."""

    until: date
    reason: Annotated[str, Field(min_length=10)]


class Scan(Section):
    """Vulnerabilities that `make scan` lets pass, by their id."""

    accept: dict[str, Accepted] = Field(default_factory=dict)


class Deploy(Section):
    """How an image takes over from the one that serves, and what sends it back."""

    steps: Annotated[tuple[Share, ...], Field(strict=False, min_length=1)] = (0.05, 0.25, 0.5, 1.0)
    seconds: Annotated[float, Field(gt=0)] = 60
    ready_seconds: Annotated[float, Field(gt=0)] = 60
    min_requests: Count = 50
    max_errors: Share = 0.01
    max_latency: Annotated[float, Field(ge=1)] = 2.0
    latency_floor_ms: Annotated[float, Field(ge=0)] = 10
    max_score_shift: Share = 0.2
    ports: dict[str, Annotated[int, Field(ge=1, le=65_535)]] = Field(
        default_factory=lambda: {"staging": 8001, "production": 8000}
    )
    compose: Strings = ("postgres", "ship", "monitor", "prometheus", "grafana")


class Params(Section):
    """All of `params.yaml`."""

    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    data: Data
    validation: Annotated[Validate, Field(alias="validate")] = Validate()  # pydantic owns the name `validate`
    prepare: Prepare = Prepare()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    gates: Gates = Gates()
    tune: Tune = Tune()
    card: Card = Card()
    log: Log = Log()
    retrain: Retrain = Retrain()
    alert: Alert = Alert()
    monitor: Monitor = Monitor()
    scan: Scan = Scan()
    deploy: Deploy = Deploy()

    @model_validator(mode="after")
    def _gates_fit_columns(self) -> Self:
        columns, behaviour = self.data.columns, self.gates.behaviour
        for setting, name in self.gates.mentions():
            if name not in columns:
                raise ValueError(f"gates.{setting} names `{name}`, which is no column; {_nearest(name, columns)}")
        for rule in behaviour.invariance if behaviour else ():
            if isinstance(columns[rule.column], Number) == (rule.by is None):
                raise ValueError(f"gates.behaviour.invariance: {rule.column}: numbers need `by`, categories have none")
        for rule in behaviour.direction if behaviour else ():
            if isinstance(columns[rule.column], Category):
                raise ValueError(f"gates.behaviour.direction: {rule.column} is a category; only a number can rise")
        for case in behaviour.easy if behaviour else ():
            for name, value in case.row.items():
                _must_allow(columns[name], value, f"gates.behaviour.easy: {case.name}: {name}")
        return self

    @model_validator(mode="after")
    def _window_has_dates(self) -> Self:
        if self.retrain.policy == "window" and not self.data.time:
            raise ValueError(
                "retrain.policy is window, which needs data.time: the column that says when a row was true"
            )
        return self


def read_params(path: Path = Path("params.yaml")) -> Params:
    """All settings; raises UserError with every mistake and its path, e.g. `train.random_forest.max_depth`."""
    try:
        return Params.model_validate(parse(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"{path} is missing. Run this from the root of the repository.") from None
    except YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}. Fix that line.") from None
    except ValidationError as error:
        mistakes = "\n".join(f"  {_path(e['loc'])}: {_sentence(e)}" for e in error.errors())
        raise UserError(f"{path} has {error.error_count()} mistake(s):\n{mistakes}\nFix them and run again.") from None


def parse(text: str) -> Any:
    """YAML 1.2 as DVC reads it: `yes` is text, a key given twice is an error. Raises ruamel.yaml.error.YAMLError."""
    return YAML(typ="safe", pure=True).load(text)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, [*known], n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}."


def _must_allow(column: Number | Category, value: float | str | None, where: str) -> None:
    if value is None:
        return
    if isinstance(column, Category) and str(value) not in column.values:
        raise ValueError(f"{where}: {value!r} is none of {', '.join(column.values)}")
    if isinstance(column, Number) and isinstance(value, str):
        raise ValueError(f"{where}: {value!r} is not a number")


def _path(location: tuple[int | str, ...]) -> str:
    tags = {"number", "category"}  # pydantic names the chosen member of a union in the path; people do not
    return ".".join(str(part) for part in location if part not in tags) or "the whole file"


def _sentence(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] in {"value_error", "missing"}:
        return message
    return f"{message} (found {error['input']!r})"
