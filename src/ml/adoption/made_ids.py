"""The ids of a later table without an id: the same that `adopt` made for equal rows."""

import pandas as pd

from ml.adoption import inference
from ml.data import cells, number_columns, row_ids, values
from ml.data.schema import with_columns
from ml.settings.data import Data, Number


def given(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """The frame with the ids that `adopt` makes, if it lacks that column and they can be computed.

    The hash covers values as the first table's were read, so a number has the same id with and without its sign of
    currency.
    """
    if data.id in frame or not row_ids.is_made(data.id):
        return frame
    read = {str(name): _read(frame[name], data) for name in frame if not cells.nested(frame[name])}
    known = {name: found.cells for name, found in read.items() if not inference.ambiguous(found)}
    return with_columns(frame, {data.id: row_ids.made(pd.DataFrame(known, index=frame.index))})


def _read(raw: pd.Series, data: Data) -> cells.Column:
    """A column as `adopt` read it, by the contract and by its type in these rows."""
    column = data.columns.get(str(raw.name))
    if raw.name == data.target.name and not pd.api.types.is_datetime64_any_dtype(raw):
        return values.category(raw)
    if isinstance(column, Number) and column.type != "boolean":
        return cells.Column(number_columns.number(raw, column).cells)
    return inference.column(raw)
