"""Settings: `params.yaml`, read once into frozen models that refuse what they do not know."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ml.io.errors import UserError
from ml.settings.data import Category, Data, Number, Prepare, Validate
from ml.settings.gates import Gates
from ml.settings.live import Alert, Card, Deploy, Log, Monitor, Retrain, Scan, Score
from ml.settings.section import Section
from ml.settings.train import Evaluate, Train, Tune

SAMPLE = Path("demo/params.yaml")


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
    score: Score = Score()
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
        return check(parse(path.read_text(encoding="utf-8")), path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing. Run this from the root of the repository.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8: byte {error.start + 1:,}. Save it with that encoding.") from None
    except (YAMLError, RecursionError) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}. Fix that line.") from None


def check(content: Any, path: Path = Path("params.yaml")) -> Params:
    """The settings that the parsed content of `path` holds; raises UserError with every mistake and its path."""
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        mistakes = "\n".join(f"  {_path(e['loc'])}: {_sentence(e)}" for e in error.errors())
        raise UserError(f"{path} has {error.error_count()} mistake(s):\n{mistakes}\nFix them and run again.") from None


def describe_the_sample(params: Params) -> bool:
    """Whether the project's data is the sample, whose world can be simulated and whose columns tests know."""
    return SAMPLE.exists() and read_params(SAMPLE).data == params.data


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
