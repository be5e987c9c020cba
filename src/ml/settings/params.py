"""Settings: `params.yaml`, read once into frozen models that refuse unknown keys."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from ml.io.text import meant
from ml.settings import yaml_reading
from ml.settings.alert import Alert
from ml.settings.card import Card
from ml.settings.data import Category, Data, Number
from ml.settings.deploy import Deploy
from ml.settings.engine import Engine
from ml.settings.evaluate import Evaluate
from ml.settings.feature_source import BESIDE, FEATURES, Levels, described, made, source
from ml.settings.gates import Gates
from ml.settings.log import Log
from ml.settings.metric_names import OF_INTERVALS, known
from ml.settings.monitor import Monitor
from ml.settings.prepare import Prepare
from ml.settings.retrain import Retrain
from ml.settings.scan import Scan
from ml.settings.score import Score
from ml.settings.section import Project, Section
from ml.settings.train import Train
from ml.settings.tune import Tune
from ml.settings.validate import Validate
from ml.settings.yaml_reading import PARAMS

SAMPLE = Path("tests/world/params.yaml")


class Params(Section):
    """All of `params.yaml`."""

    project: Project
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
    engine: Engine = Engine()
    retrain: Retrain = Retrain()
    alert: Alert = Alert()
    monitor: Monitor = Monitor()
    scan: Scan = Scan()
    deploy: Deploy = Deploy()

    @model_validator(mode="after")
    def _gates_fit_columns(self) -> Self:
        text, behaviour = source() or source(BESIDE), self.gates.behaviour
        columns = described(self.data, text)
        _must_name(self.gates.mentions(), columns)
        _must_make(self.data, made(text))
        for rule in behaviour.invariance if behaviour else ():
            if isinstance(columns[rule.column], Number) == (rule.by is None):
                raise ValueError(f"gates.behaviour.invariance: {rule.column}: numbers need `by`, categories have none")
        for rule in behaviour.direction if behaviour else ():
            if isinstance(columns[rule.column], Category):
                raise ValueError(f"gates.behaviour.direction: {rule.column} is a category; only a number can increase")
        for case in behaviour.easy if behaviour else ():
            for name, value in case.row.items():
                _must_allow(columns[name], value, f"gates.behaviour.easy: {case.name}: {name}")
        return self

    @model_validator(mode="after")
    def _metrics_fit_the_task(self) -> Self:
        kind = self.data.target.kind
        named = {"tune.metric": self.tune.metric, "monitor.metric": self.monitor.metric}
        named |= {f"gates.limits.{name}": name for name in self.gates.bounds()}
        for gate in ("champion", "slices"):
            rule = getattr(self.gates, gate)
            named |= {f"gates.{gate}.metric": rule.metric} if rule else {}
        for setting, metric in named.items():
            measured = known(kind.name, len(self.data.target.classes))
            if setting == "monitor.metric":
                measured = kind.live or measured
            elif not setting.startswith("gates.limits"):  # only one of the two models has this interval
                measured = tuple(name for name in measured if name not in OF_INTERVALS)
            if metric not in measured:
                raise ValueError(
                    f"{setting}: {metric} is not a metric of a {kind.name} target; choose {', '.join(measured)}"
                )
        return self

    @model_validator(mode="after")
    def _split_has_dates(self) -> Self:
        if self.prepare.split_by == "time" and not self.data.time:
            raise ValueError("prepare.split_by is time, which needs data.time: the column with the time of a row")
        return self

    @model_validator(mode="after")
    def _gates_fit_the_task(self) -> Self:
        kind, classes = self.data.target.kind, self.data.target.classes
        known = kind.labels(classes)
        fairness, behaviour = self.gates.fairness, self.gates.behaviour
        for name in fairness.classes if fairness else ():
            if name not in classes:
                raise ValueError(f"gates.fairness.classes: {name} is not one of several classes of the target")
        for rule in behaviour.direction if behaviour else ():
            if rule.of not in (classes or ("",)):
                which = f"name one of {', '.join(classes)}" if classes else "`of` needs a target with several classes"
                raise ValueError(f"gates.behaviour.direction: {rule.column}: `of` is {rule.of or 'not set'}; {which}")
        for case in behaviour.easy if behaviour else ():
            bounded = case.min is not None or case.max is not None
            if case.label not in known if known else not bounded:
                says = f"label must be one of {', '.join(known)}" if known else "set `min`, `max` or both"
                raise ValueError(f"gates.behaviour.easy: {case.name}: {says}")
            if bounded if known else case.label is not None:
                raise ValueError(f"gates.behaviour.easy: {case.name}: a {kind.name} target has no such setting")
        return self

    @model_validator(mode="after")
    def _window_has_dates(self) -> Self:
        if self.retrain.policy == "window" and not self.data.time:
            raise ValueError("retrain.policy is window, which needs data.time: the column with the time of a row")
        return self


def read_params(path: Path = PARAMS) -> Params:
    """All settings; raises UserError with every mistake and its path, e.g. `train.random_forest.max_depth`."""
    return yaml_reading.read(Params, path)


def check(content: Any, path: Path = PARAMS) -> Params:
    """All settings in the parsed content of `path`; raises UserError with every mistake and its path."""
    return yaml_reading.check(Params, content, path)


def describe_the_sample(params: Params) -> bool:
    """Whether the project's data is the sample, which can be simulated."""
    return SAMPLE.exists() and read_params(SAMPLE).data == params.data


def _nearest(name: str, known: Iterable[str]) -> str:
    return meant(name, known, f"known here: {', '.join(known)}.")


def _must_name(mentions: Iterable[tuple[str, str]], columns: Iterable[str]) -> None:
    for setting, name in mentions:
        if name not in columns:
            raise ValueError(f"gates.{setting} names `{name}`, which is not a column; {_nearest(name, columns)}")


def _must_make(data: Data, known: Mapping[str, Levels]) -> None:
    for name, bound in data.made.items():
        if name not in known:
            raise ValueError(f"data.made names `{name}`, which {FEATURES} does not make; {_nearest(name, known)}")
        if known[name] is not None and (bound.min is not None or bound.max is not None):
            raise ValueError(f"data.made: {name} is a category; only numbers have min and max")


def _must_allow(column: Number | Category, value: float | str | None, where: str) -> None:
    if value is None:
        return
    if isinstance(column, Category) and str(value) not in column.values and not column.others:
        raise ValueError(f"{where}: {value!r} is not one of {', '.join(column.values)}")
    if isinstance(column, Number) and isinstance(value, str):
        raise ValueError(f"{where}: {value!r} is not a number")
