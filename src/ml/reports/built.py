"""The outputs of one build, from which its report is made."""

from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Built:
    """The outputs of one build and, in `before_…`, those of the base branch if they are known."""

    project: str
    validation: Record
    confidence: float = 0.95
    verdict: Record = field(default_factory=dict)
    intervals: Record = field(default_factory=dict)
    profile: Record = field(default_factory=dict)
    settings: Record = field(default_factory=dict)
    plots: dict[str, list[Record]] = field(default_factory=dict)
    lineage: Record = field(default_factory=dict)
    proof: Record | None = None
    before_metrics: Record | None = None
    before_profile: Record | None = None
    before_settings: Record | None = None
    before_plots: dict[str, list[Record]] = field(default_factory=dict)
    base: str = "main"
    other_table: bool = False  # the base branch has a model of another table: nothing is compared
    training: Record | None = None  # the base branch has a model of another table, so nothing is compared
    lost: str = "ROC AUC"  # what permutation importance measures
