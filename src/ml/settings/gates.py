"""Settings of the gates: `params.yaml: gates`. A gate set to null is off, and the gate stage says so each time."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ml.settings.metrics import HIGHER_IS_BETTER, Metric
from ml.settings.section import Count, Open, Range, Section, Share, Strings

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Growth = Annotated[float, Field(ge=1)]
Outcome = Literal["not worse", "worse", "not enough evidence"]


class Bound(Range):
    """Limits of one figure, judged on its value or on the unfavourable end of its interval."""

    judge: Literal["value", "interval"] = "value"


class Champion(Section):
    """How the new model is compared with the one that serves."""

    metric: Metric = "roc_auc"
    margin: NotNegative = 0.005
    confidence: Open = 0.95
    bootstrap: Annotated[int, Field(ge=100)] = 1000
    looks: Count = 5
    refuse: Annotated[tuple[Outcome, ...], Field(strict=False)] = ("worse",)


class Stability(Section):
    """How many rows may be decided otherwise than by the champion."""

    max_flips: Share = 0.1


class Slices(Section):
    """Which parts of the table are judged by themselves; no columns named means every column."""

    columns: Strings = ()
    bins: Annotated[int, Field(ge=2)] = 4
    metric: Metric = "roc_auc"
    margin: NotNegative = 0.05
    min: float | None = None
    min_rows: Count = 100
    min_class: Count = 20
    confidence: Open = 0.95

    @model_validator(mode="before")
    @classmethod
    def _no_gap(cls, values: Any) -> Any:
        if isinstance(values, dict) and "max_gap" in values:
            raise ValueError(
                "max_gap was removed, because it compared a slice with all rows. Write "
                "`margin: 0.05`, the allowed difference to the champion on the same rows"
            )
        return values


class Fairness(Section):
    """Columns whose groups must be treated alike: decisions by the first two, numbers by `error` and `bias`."""

    columns: Annotated[Strings, Field(min_length=1)]
    demographic_parity: Positive | None = 0.1
    equalised_odds: Positive | None = 0.1
    classes: Strings = ()  # of several classes, those whose rates are compared; none named means all
    error: Positive | None = 0.25  # of a number: as a share of the mean absolute error of all rows
    bias: Positive | None = 0.25
    min_rows: Count = 100
    confidence: Open = 0.95


class Invariance(Section):
    """A column whose value must not matter: a number moves by `by` both ways, a level becomes every other one."""

    column: str
    by: Positive | None = None
    max_change: Share = 0.05
    allow: Share = 0.0


class Direction(Section):
    """A number that may move the score (or the predicted value) one way only when it rises by `by`."""

    column: str
    by: Positive
    score: Literal["up", "down"]
    of: str = ""  # of several classes, the one whose score it is
    tolerance: Share = 0.0
    allow: Share = 0.0


class Case(Section):
    """A row that any usable model gets right; columns left out are as in a typical training row.

    `label` is positive or negative, or one of several classes; of a number, `min` and `max` are where it must lie.
    """

    name: str
    row: dict[str, float | int | str | None]
    label: str | None = None
    min: float | None = None
    max: float | None = None

    @property
    def wanted(self) -> str:
        """What must be, in words."""
        if self.label is not None:
            return self.label
        ends = {"at least": self.min, "at most": self.max}
        return " and ".join(f"{word} {end:g}" for word, end in ends.items() if end is not None)


class Behaviour(Section):
    """What the model must do, whatever its metrics are."""

    invariance: Annotated[tuple[Invariance, ...], Field(strict=False)] = ()
    direction: Annotated[tuple[Direction, ...], Field(strict=False)] = ()
    easy: Annotated[tuple[Case, ...], Field(strict=False)] = ()
    rows: Count = 500


class Calibration(Section):
    """Whether a score can be read as a probability, or a value and its interval as they are."""

    slope: Bound | None = Bound(min=0.8)
    bias: Bound | None = Bound(min=-0.05, max=0.05)
    coverage: Bound | None = Bound(min=-0.05)  # of the interval of a number, less what it promises
    confidence: Open = 0.95


class Size(Section):
    """How large the model that ships may be."""

    max_mb: Positive = 100
    growth: Growth = 3.0


class Latency(Section):
    """How long one row may take in the predictor; `growth` is against the champion on the same machine."""

    p50_ms: Positive = 20
    p99_ms: Positive = 50
    growth: Growth = 3.0
    calls: Annotated[int, Field(ge=20)] = 200


class Parity(Section):
    """How far the served answer may be from the batch score of the same row."""

    tolerance: NotNegative = 1e-6
    rows: Count = 1000


class Api(Latency, Parity):
    """The same two asked of the server over HTTP."""

    p50_ms: Positive = 30
    p99_ms: Positive = 100


class Leakage(Section):
    """When a column or a row gives the answer away."""

    suspect_auc: Annotated[float, Field(gt=0.5, le=1)] = 0.98
    duplicate_share: Share = 0.01


class Freshness(Section):
    """Whether stale locks refuse (`always`, in `ci` only, `never`) or are only reported."""

    refuse: Literal["always", "ci", "never"] = "ci"


class Gates(Section):
    """What a model must prove before it may be registered."""

    limits: dict[Metric, Bound] | None = Field(default_factory=dict)
    champion: Champion | None = Champion()
    stability: Stability | None = Stability()
    slices: Slices | None = Slices()
    fairness: Fairness | None = None
    behaviour: Behaviour | None = None
    calibration: Calibration | None = Calibration()
    size: Size | None = Size()
    latency: Latency | None = Latency()
    parity: Parity | None = Parity()
    api: Api | None = Api()
    leakage: Leakage | None = Leakage()
    freshness: Freshness | None = Freshness()

    @model_validator(mode="before")
    @classmethod
    def _limits_by_name(cls, values: Any) -> Any:
        old = [name for name in values if name in HIGHER_IS_BETTER] if isinstance(values, dict) else []
        if old:
            form = "limits: {" + ", ".join(f"{name}: {values[name]}".replace("'", "") for name in old) + "}"
            raise ValueError(f"limits of metrics are under `limits` now. Write `{form}` instead")
        return values

    def bounds(self) -> dict[str, Bound]:
        """The metrics that have limits, by name."""
        return dict(self.limits or {})

    def mentions(self) -> list[tuple[str, str]]:
        """Every column that a gate names, after the setting that names it."""
        found = [("slices.columns", name) for name in self.slices.columns] if self.slices else []
        found += [("fairness.columns", name) for name in self.fairness.columns] if self.fairness else []
        if self.behaviour:
            found += [("behaviour.invariance", rule.column) for rule in self.behaviour.invariance]
            found += [("behaviour.direction", rule.column) for rule in self.behaviour.direction]
            found += [("behaviour.easy", name) for case in self.behaviour.easy for name in case.row]
        return found
