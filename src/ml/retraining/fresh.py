"""Fresh labelled rows: which keep the contract, and what the table becomes with them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml import schema
from ml.data_params import Category, Data, Number, Prepare
from ml.errors import UserError
from ml.live_params import Retrain
from ml.prediction_log import predictions
from ml.split import is_test

REASON = "quarantined"
AGAIN = "a newer row of the same id is there"


@dataclass(frozen=True)
class Sifted:
    """Rows that keep the contract, in the table's columns, and the others as they came, each with its reason."""

    good: pd.DataFrame
    bad: pd.DataFrame

    @property
    def broken(self) -> pd.DataFrame:
        """The rows that break the contract; an older row of an id is set aside with them and breaks nothing."""
        return self.bad[~self.bad[REASON].str.endswith(AGAIN)]

    @property
    def share(self) -> float:
        """The share of rows that break the contract."""
        return len(self.broken) / max(1, len(self.bad) + len(self.good))


@dataclass(frozen=True)
class Combined:
    """The new table, and how many rows of the old one were replaced by newer ones or have left the window."""

    table: pd.DataFrame
    replaced: int
    left: int


def sift(rows: pd.DataFrame, old: pd.DataFrame, data: Data) -> Sifted:
    """Rows apart from those that break the contract or bear a label that `old` has not; of one id the newest counts.

    Raises UserError when a column of the contract is not there at all: then no row can be judged.
    """
    missing = [name for name in schema.required(data) if name not in rows]
    if missing:
        raise UserError(
            f"the fresh rows lack {len(missing)} of {len(schema.required(data))} columns of the contract, e.g. "
            f"{missing[0]}. They have: {', '.join(map(str, rows.columns))}. Add the column where the rows come from."
        )
    rows = rows.reset_index(drop=True)
    reasons = pd.Series("", index=rows.index)
    for name, wrong, why in _breaches(rows, old, data):
        reasons = reasons.mask(wrong & (reasons == ""), f"{name}: {why}")
    sound = rows[reasons == ""]
    order = sound.sort_values(data.time, kind="stable", key=_times) if data.time else sound
    older = order[data.id].astype(str).duplicated(keep="last")
    reasons[older[older].index] = f"{data.id}: {AGAIN}"
    good = reasons == ""
    return Sifted(rows.loc[good, schema.required(data)], rows[~good].assign(**{REASON: reasons[~good]}))


def news(rows: pd.DataFrame, old: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Rows that tell something the table does not hold: another id, a later time of a known one, or another label."""
    if not {data.id, data.time, data.target.name} <= {*rows}:
        return rows
    known = old.assign(**{data.id: schema.levels(old[data.id])}).sort_values(data.time, kind="stable", key=_times)
    known = known.drop_duplicates(data.id, keep="last").set_index(data.id)
    ids, times, labels = (schema.levels(rows[data.id]), _times(rows[data.time]), schema.levels(rows[data.target.name]))
    held = ids.map(_times(known[data.time]))
    corrected = (times == held) & labels.notna() & (labels != ids.map(schema.levels(known[data.target.name])))
    return rows[~(times <= held) | corrected]


def labelled(log: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Of each id the newest prediction that has got its label, in the columns of the table.

    Simulated rows count only where there are no others.
    `log` as ml.predictions.read_log returns it; a feature that bears the name of a column of the log comes as
    `features.…`.
    """
    log = predictions.real(log)
    came = log["actual"].notna() & ~predictions.early(log) & log["id"].notna()
    rows = log[came].drop_duplicates("id", keep="last")
    source = {name: f"features.{name}" if f"features.{name}" in rows else name for name in data.columns}
    columns = {data.id: "id", data.target.name: "actual", **({data.time: "time"} if data.time else {}), **source}
    table = pd.DataFrame({name: rows[column] for name, column in columns.items() if column in rows})
    if data.time:
        table[data.time] = table[data.time].dt.tz_localize(None)
    return table.reset_index(drop=True)


def combine(old: pd.DataFrame, fresh: pd.DataFrame, data: Data, policy: Retrain) -> Combined:
    """The table that trains next: a fresh row replaces the old one of the same id; `window` drops what is older."""
    written = old[data.target.name].drop_duplicates()
    labels = dict(zip(schema.levels(written), written, strict=True))
    fresh = fresh.assign(**{data.target.name: schema.levels(fresh[data.target.name]).map(labels)})
    fresh = fresh.astype(_dtypes(old, fresh))
    again = old[data.id].astype(str).isin(fresh[data.id].astype(str))
    table = pd.concat([old[~again], fresh], ignore_index=True)
    if policy.policy == "append":
        return Combined(table, int(again.sum()), 0)
    times = pd.to_datetime(table[data.time])
    kept = times > times.max() - pd.DateOffset(months=policy.window_months)
    return Combined(table[kept].reset_index(drop=True), int(again.sum()), int((~kept).sum()))


def unseen(old: pd.DataFrame, new: Combined, data: Data, params: Prepare) -> pd.DataFrame:
    """The rows on which champion and challenger may be compared: neither has trained on them.

    Rows of the old and of the new table, those that left the window too, in the contract's types.
    """
    table = schema.conform(new.table, data)
    before = schema.conform(old, data)
    trained = set(table.loc[~is_test(table, data, params), data.id].astype(str))
    trained |= set(before.loc[~is_test(before, data, params), data.id].astype(str))
    rows = pd.concat([before, table], ignore_index=True)
    ids = rows[data.id].astype(str)
    return rows[~ids.isin(trained) & ~ids.duplicated(keep="last")].reset_index(drop=True)


def _breaches(rows: pd.DataFrame, old: pd.DataFrame, data: Data) -> list[tuple[str, pd.Series, str]]:
    label = schema.levels(rows[data.target.name])
    known = label.isin(schema.levels(old[data.target.name]).unique())
    found = [(data.id, rows[data.id].isna(), "missing"), (data.target.name, label.isna(), "no label")]
    found.append((data.target.name, ~known, "not a label of the table"))
    if data.time:
        times = pd.to_datetime(
            rows[data.time], errors="coerce", format="ISO8601"
        )  # 3/4 is March to some, April to others
        found.append((data.time, times.isna(), "not a date like 2026-01-31"))
    for name, column in data.columns.items():
        raw = rows[name]
        if not column.missing:  # where gaps are allowed, `validate` judges their share
            found.append((name, raw.isna(), "missing"))
        match column:
            case Number():
                found += _number(name, raw, column)
            case Category():
                levels = schema.levels(raw)
                found.append((name, levels.notna() & ~levels.isin(column.values), "not a level of the contract"))
    return found


def _number(name: str, raw: pd.Series, column: Number) -> list[tuple[str, pd.Series, str]]:
    values = pd.to_numeric(raw, errors="coerce").astype("float64")
    low = -np.inf if column.min is None else column.min
    high = np.inf if column.max is None else column.max
    outside = values.notna() & ~values.between(low, high) | np.isinf(values)
    return [(name, raw.notna() & values.isna(), "not a number"), (name, outside, f"outside {low:g} to {high:g}")]


def _times(column: pd.Series) -> pd.Series:
    """Dates, missing where they are not ISO 8601: 3/4 is March to some and April to others."""
    return pd.to_datetime(column, errors="coerce", format="ISO8601")


def _dtypes(old: pd.DataFrame, fresh: pd.DataFrame) -> dict[str, np.dtype]:
    """The old table's types for what is safe to write in them: whole numbers stay whole only when they are."""
    return {
        name: old[name].dtype
        for name in fresh
        if name in old and not (pd.api.types.is_integer_dtype(old[name].dtype) and _fractions(fresh[name]))
    }


def _fractions(column: pd.Series) -> bool:
    values = pd.to_numeric(column, errors="coerce")
    return bool((values.isna() | (values % 1 != 0)).any())
