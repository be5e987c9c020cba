"""Distributions of a release and a window for plots, and rows sampled from a release's profile."""

from typing import Any

import numpy as np
import pandas as pd

from ml.model.distributions import Levels, Numbers, finite, of_levels
from ml.model.reference import Reference
from ml.monitoring.drift import column
from ml.prediction_log.records import in_table

BARS = 10
FEW = 12  # distinct values that are shown individually
Record = dict[str, Any]


def shape(reference: Reference, rows: pd.DataFrame, name: str | None) -> Record:
    """Shares `before` and `after` of a column, None for the prediction.

    The shares are of bins of equal width, of each value of a number with few values, or of each level.
    """
    if name is None:
        return _shape(reference.score, rows["score"])
    return _shape(reference.columns[name], column(rows, name))


def of_classes(reference: Reference, rows: pd.DataFrame) -> Record:
    """The same for predicted classes."""
    return _shape(reference.decided, rows["decided"]) if reference.decided else {}


def _shape(old: Numbers | Levels, values: pd.Series) -> Record:
    if isinstance(old, Levels):
        new = of_levels(values, old)
        names = sorted({*old.levels, *new.levels}, key=lambda n: (-old.levels.get(n, 0), n))[:BARS]
        pairs = ((old, old.levels), (new, new.levels))
        shares = [[counts.get(n, 0) / max(1, side.rows) for n in names] for side, counts in pairs]
        return {"bins": names, "before": shares[0], "after": shares[1]}
    edges = _edges(old, finite(values))
    return {"bins": edges.tolist(), "before": _binned(old, edges), "after": _shares(finite(values), edges)}


def _edges(old: Numbers, new: np.ndarray) -> np.ndarray:
    """The ends of bins: they span the central 90 %; the first and the last bin take the rest."""
    if not old.rows or not len(new):
        return np.array([])
    values = np.union1d(old.points, new)
    if len(values) <= FEW:
        return values[:-1] if len(values) > 1 else values  # one bin for each value
    both = [np.quantile(_redrawn(old, 1000), [0.05, 0.95]), np.quantile(new, [0.05, 0.95])]
    low, high = min(b[0] for b in both), max(b[1] for b in both)
    return np.linspace(low, high, BARS + 1)[1:-1] if high > low else np.array([low])


def _binned(old: Numbers, edges: np.ndarray) -> list[float]:
    return _shares(_redrawn(old, 4000), edges) if len(edges) else []


def _shares(values: np.ndarray, edges: np.ndarray) -> list[float]:
    if not len(edges) or not len(values):
        return []
    return (np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) / len(values)).tolist()


def redrawn(reference: Reference, rows: int) -> pd.DataFrame:
    """Rows with the reference's distribution of each column, without correlations between columns."""
    rng = np.random.default_rng(0)
    found = {}
    parts = {in_table(name): part for name, part in reference.columns.items()}
    for name, old in (parts | {"score": reference.score}).items():
        share = old.rows / max(1, old.rows + old.missing)
        kept = round(rows * share)
        values = _redrawn(old, kept) if isinstance(old, Numbers) else _spread(old, kept)
        gaps = [np.nan if isinstance(old, Numbers) else None] * (rows - kept)
        found[name] = rng.permutation(
            np.array([*values, *gaps], dtype="float64" if isinstance(old, Numbers) else object)
        )
    return pd.DataFrame(found)


def _redrawn(old: Numbers, rows: int) -> np.ndarray:
    """Evenly spaced quantiles of a profile."""
    wanted = (np.arange(rows) + 0.5) / max(1, rows) * old.rows
    places = np.searchsorted(np.array(old.upto), wanted, side="left")
    return np.array(old.points)[np.minimum(places, len(old.points) - 1)] if old.rows else np.array([])


def _spread(old: Levels, rows: int) -> np.ndarray:
    wanted = (np.arange(rows) + 0.5) / max(1, rows) * old.rows
    ends = np.cumsum([*old.levels.values()])
    return (
        np.array([*old.levels], dtype=object)[np.searchsorted(ends, wanted, side="left")] if old.rows else np.array([])
    )
