"""A first contract for a table that nobody has described yet."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ml.errors import UserError
from ml.gate_params import Gates
from ml.live_params import Card
from ml.params import Params
from ml.schema import levels
from ml.train_params import Evaluate

LEVELS = 50  # a text column with more is no category
AGAIN = (
    ". If these are things that come more than once, their rows leak between train and test: docs/your-data.md (Rows "
    "of the same thing)"
)
DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
POSITIVE = ("true", "yes", "y", "1", "positive", "churned")


def infer(frame: pd.DataFrame, file: str, target: str, roles: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The `data` section of params.yaml for a table, and a sentence for each column that was left out.

    `roles` may name `id`, `time` and the target's `positive` value; what it does not name is guessed. Limits are the
    observed ones widened to a round number, for the next table will not have the same extremes. Raises UserError when
    there is no usable target or id.
    """
    _present(frame, target, *(roles[role] for role in ("id", "time") if role in roles))
    identity = _told(frame, roles["id"]) if "id" in roles else _identity(frame, target)
    moment = roles.get("time") or next(iter(frame.select_dtypes("datetime")), None)
    columns, left = {}, []
    for name in frame.columns.difference([identity, moment, target], sort=False):
        column = _column(frame[name])
        if isinstance(column, str):
            left.append(f"{name}: {column}")
        else:
            columns[str(name)] = column
    if not columns:
        raise UserError(f"{file}: no column can be a feature:\n  " + "\n  ".join(left))
    positive = _positive(frame[target], target, roles.get("positive"))
    contract = {"file": file, "id": identity, "time": moment, "target": {"name": target, "positive": positive}}
    return {k: v for k, v in contract.items() if v is not None} | {"columns": columns}, left


def strange(gates: Gates, columns: Iterable[str]) -> dict[str, Any]:
    """Settings of gates that name columns which the new table does not have, with what to set them to instead."""
    named = {setting.split(".")[0] for setting, name in gates.mentions() if name not in columns}
    instead = {"slices": ("gates.slices.columns", []), "fairness": ("gates.fairness", None)}
    instead |= {"behaviour": ("gates.behaviour", None)}
    return dict(instead[gate] for gate in sorted(named))


def untold(params: Params) -> dict[str, Any]:
    """Settings that speak of the old table alone, with what stands there until somebody sets them for the new one."""
    words = {f"card.{name}": text for name, text in Card()}
    limits: dict[str, Any] = {f"gates.{name}": None for name in params.gates.bounds()}
    limits["gates.roc_auc"] = {"min": 0.5, "judge": "interval"}  # better than chance: true of any use
    if params.gates.slices and params.gates.slices.min is not None:
        limits["gates.slices.min"] = None
    return words | limits | {"evaluate.threshold": Evaluate().threshold}


def _present(frame: pd.DataFrame, *names: str) -> None:
    missing = [name for name in names if name not in frame]
    if missing:
        raise UserError(f"the table has no column {', '.join(missing)}. It has: {', '.join(map(str, frame.columns))}.")


def _told(frame: pd.DataFrame, name: str) -> str:
    """The id that the user names, when it is one."""
    if gaps := int(frame[name].isna().sum()):
        raise UserError(
            f"{name} cannot be the id: {gaps:,} of {len(frame):,} rows have none. Fill it, or name another."
        )
    shared = frame[name][frame[name].duplicated(keep=False)]
    if len(shared):
        rows = int((shared == shared.iloc[0]).sum())
        raise UserError(
            f"{name} cannot be the id: {len(shared):,} of {len(frame):,} rows share theirs with another row, e.g. "
            f"{shared.iloc[0]!r} stands in {rows:,}. Keep one row of each (the newest, say), or name another with ID=."
        )
    return name


def _identity(frame: pd.DataFrame, target: str) -> str:
    """A guess; a date or a decimal is unique by chance only."""
    unique = [n for n in frame.columns if n != target and frame[n].is_unique and frame[n].notna().all()]
    able = [n for n in unique if not (pd.api.types.is_float_dtype(frame[n]) or _dates(frame[n]))]
    if not able:
        raise UserError(
            "no column identifies a row (unique, nothing missing, neither dates nor decimals). Add one; or, where a "
            "thing has several rows, keep one of each and name the thing with ID=."
        )
    return str(next((n for n in able if "id" in str(n).lower()), able[0]))


def _dates(column: pd.Series) -> bool:
    """Whether a column holds dates, be it as text, as a CSV file has them."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    if pd.api.types.is_numeric_dtype(column):
        return False
    some = column.dropna().head(1000).astype(str)
    if some.empty or not some.str.match(DATE).all():
        return False
    return bool(pd.to_datetime(some, errors="coerce", format="mixed", utc=True).notna().all())


def _positive(column: pd.Series, target: str, given: str | None) -> bool | str:
    known = levels(column.dropna()).value_counts()
    if len(known) != 2:  # noqa: PLR2004
        some = ", ".join(map(str, known.index[:5]))
        raise UserError(f"{target} has {len(known)} values ({some}); this template predicts one of two.")
    if given is not None and given not in known.index:
        raise UserError(f"{target} is never {given}; it is {' or '.join(known.index)}.")
    positive = given or next((v for v in known.index if v.lower() in POSITIVE), known.index[-1])
    return positive == "True" if set(known.index) == {"True", "False"} else positive


def _column(column: pd.Series) -> dict[str, Any] | str:
    """The contract of one column, or why it can be no feature."""
    seen = column.dropna()
    if seen.nunique() < 2:  # noqa: PLR2004
        return f"every row holds the same ({seen.iloc[0]!r})" if len(seen) else "every row is missing"
    missing = {"missing": min(1.0, round(float(column.isna().mean()) * 1.5 + 0.05, 2))} if column.isna().any() else {}
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        low, high = float(seen.min()), float(seen.max())
        return {"type": "number", "min": -_round_up(-low) if low < 0 else 0, "max": _round_up(max(high, 0)), **missing}
    if _dates(seen):
        return f"dates; name it with TIME={column.name} if it is when a row was true, else turn it into a number"
    values = levels(seen).value_counts().index
    if len(values) > LEVELS:
        leak = AGAIN if 1.5 <= len(seen) / len(values) <= 50 else ""  # noqa: PLR2004
        return f"{len(values):,} different texts; group them into at most {LEVELS} levels{leak}"
    return {"type": "category", "values": list(values), **missing}


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten that leaves room above `value`."""
    if value <= 1:
        return 1.0 if value > 0 else 0.0
    power = 10.0 ** int(f"{value:e}".split("e")[1])
    step = next(step for step in (1, 2, 5, 10, 20) if step * power >= value * 1.2)
    return float(step * power)
