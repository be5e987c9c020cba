"""Settings: `params.yaml`, read once into frozen models that refuse what they do not know."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ml.errors import UserError

Share = Annotated[float, Field(ge=0, le=1)]
Open = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Count = Annotated[int, Field(ge=1)]
Strings = Annotated[
    tuple[str, ...], BeforeValidator(lambda v: tuple(map(str, v)) if isinstance(v, list | tuple) else v)
]


class Section(BaseModel):
    """A part of `params.yaml`: frozen, strict about types; an unknown key names the nearest known one."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, values: Any) -> Any:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in values if isinstance(values, dict) else ():
            if key not in known:
                near = get_close_matches(str(key), known, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}."
                raise ValueError(f"unknown setting `{key}`; {hint}")
        return values


class Range(Section):
    """A lower and an upper limit, both included, either open."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self


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
    kwargs: dict[str, Any] = {}
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
    model: Literal["random_forest", "hist_gradient_boosting", "logistic_regression"] = "random_forest"
    random_forest: RandomForest = RandomForest()
    hist_gradient_boosting: HistGradientBoosting = HistGradientBoosting()
    logistic_regression: LogisticRegression = LogisticRegression()


class Evaluate(Section):
    """How the model is judged on the test side."""

    threshold: Open = 0.5
    bootstrap: Annotated[int, Field(ge=100)] = 1000
    confidence: Open = 0.95


class Bound(Range):
    """Limits of one metric, judged on its value or on the unfavourable end of its interval."""

    judge: Literal["value", "interval"] = "value"


class Gates(Section):
    """What a model must prove before it may be registered."""

    accuracy: Bound | None = None
    balanced_accuracy: Bound | None = None
    f1: Bound | None = None
    roc_auc: Bound | None = None
    pr_auc: Bound | None = None
    log_loss: Bound | None = None
    brier: Bound | None = None
    calibration_error: Bound | None = None

    def bounds(self) -> dict[str, Bound]:
        """The metrics that have limits, by name."""
        return {name: value for name, value in self if isinstance(value, Bound)}


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


class Params(Section):
    """All of `params.yaml`."""

    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    data: Data
    validation: Annotated[Validate, Field(alias="validate")] = Validate()  # pydantic owns the name `validate`
    prepare: Prepare = Prepare()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    gates: Gates = Gates()
    log: Log = Log()


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


def _path(location: tuple[int | str, ...]) -> str:
    tags = {"number", "category"}  # pydantic names the chosen member of a union in the path; people do not
    return ".".join(str(part) for part in location if part not in tags) or "the whole file"


def _sentence(error: Any) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] in {"value_error", "missing"}:
        return message
    return f"{message} (found {error['input']!r})"
