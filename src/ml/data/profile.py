"""What a table looks like in a few numbers, small enough to keep in git and to compare with another's."""

from typing import Any

import pandas as pd

from ml.data.schema import categories, labels, numbers
from ml.settings.data import Data


def profile(frame: pd.DataFrame, data: Data) -> dict[str, Any]:
    """Rows, share of positives, period; of each feature the missing share, and mean and deviation or level shares."""
    columns: dict[str, Any] = {}
    for name in numbers(data):
        column = frame[name]
        columns[name] = {"missing": _share(column.isna()), "mean": _round(column.mean()), "std": _round(column.std())}
    for name in categories(data):
        shares = frame[name].value_counts(normalize=True)
        columns[name] = {
            "missing": _share(frame[name].isna()),
            "levels": {k: _round(shares[k]) for k in sorted(shares.index)},
        }
    period = [str(frame[data.time].min().date()), str(frame[data.time].max().date())] if data.time else None
    return {
        "rows": len(frame),
        **_target(frame, data),
        "period": period,
        "columns": columns,
    }


def _target(frame: pd.DataFrame, data: Data) -> dict[str, Any]:
    """What the target is like: the share of positive rows, of each class, or mean and deviation."""
    column = frame[data.target.name]
    if data.target.task == "binary":
        return {"positive": _share(labels(frame, data).astype(bool))}
    if data.target.task == "multiclass":
        shares = column.value_counts(normalize=True)
        return {"classes": {name: _round(shares.get(name, 0.0)) for name in data.target.classes}}
    numbers = pd.to_numeric(column)
    return {"mean": _round(numbers.mean()), "std": _round(numbers.std())}


def _share(flags: pd.Series) -> float:
    return _round(flags.mean())


def _round(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 6)
