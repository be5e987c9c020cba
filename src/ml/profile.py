"""What a table looks like in a few numbers, small enough to keep in git and to compare with another's."""

from typing import Any

import pandas as pd

from ml.params import Data
from ml.schema import categories, labels, numbers


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
        "positive": _share(labels(frame, data).astype(bool)),
        "period": period,
        "columns": columns,
    }


def changes(now: dict[str, Any], before: dict[str, Any]) -> list[list[str]]:
    """Rows of a table: what, before, now; of everything that differs between two profiles."""
    old, new = _flat(before), _flat(now)
    return [[key, old.get(key, ""), new.get(key, "")] for key in {**old, **new} if old.get(key) != new.get(key)]


def _flat(found: dict[str, Any]) -> dict[str, str]:
    period = found["period"]
    flat = {"rows": f"{found['rows']:,}", "positive share": f"{found['positive']:.2%}"}
    flat |= {"period": f"{period[0]} to {period[1]}"} if period else {}
    for name, column in found["columns"].items():
        flat[f"{name}: missing"] = f"{column['missing']:.2%}"
        if "levels" in column:
            flat |= {f"{name}: {level}": f"{share:.2%}" for level, share in column["levels"].items()}
        else:
            flat[f"{name}: mean ± deviation"] = f"{_number(column['mean'])} ± {_number(column['std'])}"
    return flat


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _share(flags: pd.Series) -> float:
    return _round(flags.mean())


def _round(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 6)
