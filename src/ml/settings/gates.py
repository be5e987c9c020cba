"""Settings of the gates: `params.yaml: gates`. A gate set to null is off, and the gate stage lists it each time."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ml.settings.metric_names import HIGHER_IS_BETTER, Metric
from ml.settings.section import Count, Open, Range, Section, Share, Strings

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Growth = Annotated[float, Field(ge=1)]
Outcome = Literal["not worse", "worse", "not enough evidence"]


class Bound(Range):
    """Limits of one figure, judged on its value or on the unfavourable end of its interval."""

    judge: Literal["value", "interval"] = "value"


class Champion(Section):
    """The comparison of the new model with the champion."""

    metric: Metric = "roc_auc"
    margin: NotNegative = 0.005
    confidence: Open = 0.95
    bootstrap: Annotated[int, Field(ge=100)] = 1000
    looks: Count = 5
    refuse: Annotated[tuple[Outcome, ...], Field(strict=False)] = ("worse",)


class Stability(Section):
    """The share of rows whose decision may differ from the champion's."""

    max_flips: Share = 0.1


class Slices(Section):
    """The slices of the table that are judged separately; no columns means every column."""

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
    """Columns whose groups must be treated equally: limits for decisions, and `error` and `bias` for numbers."""

    columns: Annotated[Strings, Field(min_length=1)]
    demographic_parity: Positive | None = 0.1
    equalised_odds: Positive | None = 0.1
    classes: Strings = ()  # for several classes: those whose rates are compared; empty means all
    error: Positive | None = 0.25  # for a number: as a share of the mean absolute error of all rows
    bias: Positive | None = 0.25
    min_rows: Count = 100
    confidence: Open = 0.95


class Invariance(Section):
    """A column whose value must not matter: a number moves by ±`by`, a level becomes every other one."""

    column: str
    by: Positive | None = None
    max_change: Share = 0.05
    allow: Share = 0.0


class Direction(Section):
    """A number that may move the score (or the predicted value) in one direction only when it rises by `by`."""

    column: str
    by: Positive
    score: Literal["up", "down"]
    of: str = ""  # for several classes: the class of the score
    tolerance: Share = 0.0
    allow: Share = 0.0


class Case(Section):
    """A row that every usable model predicts correctly; omitted columns have typical values of the training rows.

    `label` is positive or negative, or one of several classes; for a number, `min` and `max` limit it.
    """

    name: str
    row: dict[str, float | int | str | None]
    label: str | None = None
    min: float | None = None
    max: float | None = None

    @property
    def wanted(self) -> str:
        """The required decision as text."""
        if self.label is not None:
            return self.label
        ends = {"at least": self.min, "at most": self.max}
        return " and ".join(f"{word} {end:,.10g}" for word, end in ends.items() if end is not None)


class Behaviour(Section):
    """Behaviour that the model must have, independent of its metrics."""

    invariance: Annotated[tuple[Invariance, ...], Field(strict=False)] = ()
    direction: Annotated[tuple[Direction, ...], Field(strict=False)] = ()
    easy: Annotated[tuple[Case, ...], Field(strict=False)] = ()
    rows: Count = 500


class Calibration(Section):
    """Limits on the calibration of scores, predicted numbers and their intervals."""

    slope: Bound | None = Bound(min=0.8)
    bias: Bound | None = Bound(min=-0.05, max=0.05)
    coverage: Bound | None = Bound(min=-0.05)  # for the interval of a number: minus the nominal coverage
    confidence: Open = 0.95


class Size(Section):
    """The maximum size of the model."""

    max_mb: Positive = 100
    growth: Growth = 3.0


class Latency(Section):
    """The maximum latency of one row in the predictor; `growth` is relative to the champion on the same machine."""

    p50_ms: Positive = 20
    p99_ms: Positive = 50
    growth: Growth = 3.0
    calls: Annotated[int, Field(ge=20)] = 200


class Parity(Section):
    """The maximum difference between the served score and the batch score of a row."""

    tolerance: NotNegative = 1e-6
    rows: Count = 1000


class Api(Latency, Parity):
    """Latency and parity of the server over HTTP."""

    p50_ms: Positive = 30
    p99_ms: Positive = 100


class Leakage(Section):
    """The limits above which a column or a row reveals the target."""

    suspect_auc: Annotated[float, Field(gt=0.5, le=1)] = 0.98
    duplicate_share: Share = 0.01


class Freshness(Section):
    """Whether stale locks refuse (`always`, in `ci` only, `never`) or are only reported."""

    refuse: Literal["always", "ci", "never"] = "ci"


class Gates(Section):
    """The gates that a model must pass before registration."""

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
