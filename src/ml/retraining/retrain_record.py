"""The record that `retrain` writes, build/retrain.json; `propose` writes a pull request or an issue from it."""

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from ml.io.saved import SavedRecord


class Judged(BaseModel):
    """The verdict of a gate on the retrained model."""

    gate: str
    passed: bool
    severity: str
    reason: str


class Compared(BaseModel):
    """Champion against challenger on one part of the test rows."""

    part: str
    rows: int
    metric: str
    outcome: str
    refused: bool
    reason: str
    old: float | None = None
    new: float | None = None
    low: float | None = None
    high: float | None = None


class RowCounts(BaseModel):
    """The counts of offered rows, and of the table before and after if the retraining got that far."""

    fresh: int = 0
    quarantined: int = 0
    why: dict[str, int] = {}  # rows in quarantine by reason
    known: int = 0
    before: int | None = None
    after: int | None = None
    replaced: int = 0
    left: int = 0


class Policy(BaseModel):
    """The rule by which fresh rows join the table: `retrain` of params.yaml, and the split."""

    model_config = ConfigDict(extra="allow")

    policy: str
    window_months: int
    split_by: str


class RetrainRecord(SavedRecord):
    """The result of a retraining. Commit, digest, verdicts and metrics are present if a model was trained."""

    AGAIN: ClassVar[str] = "Run `make retrain` to write it again."

    outcome: Literal["proposed", "refused", "waiting"]
    reasons: list[str]
    project: str
    date: str
    base: str
    base_commit: str
    branch: str
    model: str | None = None
    rows: RowCounts = RowCounts()
    policy: Policy | None = None
    commit: str = ""
    digest: str = ""
    verdicts: tuple[Judged, ...] = ()
    compared: tuple[Compared, ...] = ()
    metrics: dict[str, float] | None = None
    before: dict[str, float] | None = None  # metrics of the base branch

    @model_validator(mode="after")
    def _proposes_a_commit(self) -> Self:
        if self.outcome == "proposed" and not (self.commit and self.digest and self.metrics):
            raise ValueError("a proposal has commit, digest and metrics")
        return self
