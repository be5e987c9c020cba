"""Rows of a table as requests: valid rows, and the others with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ml.data import reading, row_ids
from ml.data.breaches import breaches
from ml.data.numerals import Writing
from ml.data.schema import with_columns
from ml.data.values import typed
from ml.engine.source import Chunk
from ml.io.errors import UserError
from ml.io.text import counted
from ml.scoring.quarantine import OWN
from ml.settings.data import Data

Row = dict[str, Any]


@dataclass(frozen=True)
class Checked:
    """The rows that meet the contract, as columns, their ids, and the others with the reason."""

    ids: np.ndarray  # text, None if missing
    table: dict[str, np.ndarray]  # in the form of ml.model.predictor
    refused: pd.DataFrame

    @property
    def rows(self) -> list[Row]:
        """The same in the form of requests."""
        cells = zip(*(plain(column) for column in self.table.values()), strict=True)
        return [dict(zip(self.table, row, strict=True)) for row in cells]


def check(chunk: Chunk, data: Data, source: str = "", written: Mapping[str, Writing] | None = None) -> Checked:
    """Check every row by the rules of the API, and the columns that this text of src/features.py makes of it.

    `written` has the number format of text columns; without it the rows themselves determine it. Raises UserError if a
    column of the contract is missing.
    """
    raw = reading.plain(pa.Table.from_batches(chunk.rows.to_batches(), chunk.rows.schema), chunk.where).frame
    if data.id not in raw and row_ids.is_made(data.id):  # a hash of the values, which the position makes unique
        places = pd.Series(range(chunk.first + 1, chunk.first + 1 + len(raw)), index=raw.index)
        raw = with_columns(raw, {data.id: row_ids.made(raw) + "-" + places.astype("str")})
    if lacking := [name for name in (data.id, *data.columns) if name not in raw]:
        raise UserError(
            f"{chunk.where} lacks {len(lacking)} of {counted(len(data.columns) + 1, 'column')} of the "
            f"contract, e.g. {lacking[0]}."
            f" It has: {', '.join(raw.columns[:20])}. Add the column at the source of the rows."
        )
    found = typed(raw, data, [data.id, *data.columns], written)
    wrong = [(w.column, w.rows, w.why) for w in found.wrong] + [*breaches(found.frame, data)]
    reasons = _reasons([(name, rows, why) for name, rows, why in wrong if rows.any()], raw.index)
    sound, bad = found.frame, raw.iloc[:0]
    sound = sound.drop(index=reasons.index) if len(reasons) else sound
    if data.made:
        from ml.model.made_columns import broken  # noqa: PLC0415 - imports scikit-learn, which scoring does without

        more = _reasons([*broken(sound, data, source)], sound.index)
        reasons, sound = pd.concat([reasons, more]).sort_index(), sound.drop(index=more.index)
    if len(reasons):
        bad = raw.loc[reasons.index]
    table = {name: sound[name].to_numpy() for name in data.columns}
    return Checked(sound[data.id].to_numpy(), table, _refused(bad, reasons, chunk))


def _reasons(wrong: list[tuple[str, pd.Series, str]], index: pd.Index) -> pd.Series:
    """The first reason for each row with a reason."""
    reasons = pd.Series(index=index, dtype="str")
    for name, rows, why in wrong:
        reasons = reasons.mask(rows & reasons.isna(), f"{name}: {why}")
    return reasons.dropna()


def plain(column: np.ndarray) -> list[Any]:
    """Plain values, None where missing."""
    if column.dtype == "float64" and (gaps := np.isnan(column)).any():
        column = column.astype(object)
        column[gaps] = None
    return column.tolist()


def _refused(bad: pd.DataFrame, reasons: pd.Series, chunk: Chunk) -> pd.DataFrame:
    """The rows as they arrived, with their position and the reason, under unused column names."""
    own = dict(zip(OWN, (chunk.where, bad.index + chunk.first + 1, reasons), strict=True))
    for name in own:
        while name in bad:
            bad = bad.rename(columns={name: f"{name}_"})
    return with_columns(bad, own)
