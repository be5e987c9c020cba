"""Metrics by name: those of each kind of target, whether higher is better, and how many rows they need."""

from collections.abc import Mapping
from typing import Literal

from ml.tasks.kinds import KINDS

METRICS: Mapping[str, Mapping[str, bool]] = {kind.name: kind.metrics for kind in KINDS.values()}
TOP = {f"top_{k}_accuracy": k for k in (2, 3, 5)}  # measured only with more classes than this
OF_INTERVALS = frozenset({"pinball_loss", "coverage", "interval_width"})  # only for a model with an interval
IN_UNITS = frozenset({"mae", "rmse", "median_absolute_error"})  # in the target's unit: their margins are shares of them
FEWEST = 20  # rows of each class: with fewer, no metric is judged


def known(kind: str, classes: int = 0) -> tuple[str, ...]:
    """The metrics of a kind of target with this number of classes."""
    return tuple(name for name in METRICS[kind] if TOP.get(name, 0) < classes or name not in TOP)


HIGHER_IS_BETTER = {name: higher for of in METRICS.values() for name, higher in of.items()}
Metric = Literal[tuple(HIGHER_IS_BETTER)]  # ty: ignore[invalid-type-form]  (the names are written once, in ml.tasks.kinds)
