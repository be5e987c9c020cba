"""The split of the contract's table into training and test rows, chunk by chunk, by the engine."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from ml.data import split, values
from ml.engine.conform import Reading, Readings, TableContract, reading
from ml.engine.source import Chunk
from ml.engine.spread import Team
from ml.engine.table import ChunkedTable, frame
from ml.io.tables import as_arrow
from ml.settings.data import Data
from ml.settings.prepare import Prepare
from ml.settings.section import given
from ml.validation.profile import Summary, summary


class SideTask(NamedTuple):
    """The arguments of the work on every chunk."""

    contract: TableContract
    params: Prepare
    cut: split.Cut | None  # for a split by time


class SidePart(NamedTuple):
    """One chunk in the contract's types, both sides, and its summary."""

    reading: Reading
    train: pa.Table | None  # None if a column cannot be read
    test: pa.Table | None
    summary: Summary | None


def part(chunk: Chunk, task: SideTask) -> SidePart:
    """Read and split the rows of a chunk."""
    data = task.contract.data
    typed = task.contract.typed(chunk)
    if typed.wrong:
        return SidePart(reading(typed), None, None, None)
    found = split.sides(typed.frame, data, task.params, task.cut)
    train, test = (as_arrow(typed.frame[side]) for side in (found.train, found.test))
    return SidePart(reading(typed), train, test, summary(typed.frame, data))


def divide(
    table: ChunkedTable, data: Data, params: Prepare, team: Team, keep: Callable[[SidePart], None]
) -> list[Summary]:
    """Pass every part to `keep`; returns the summaries. Raises ContractError if a column is missing or unreadable."""
    readings = Readings(table, data)
    readings.must_be_whole()
    cut = _cut(table, data, params) if params.split_by == "time" else None
    task = SideTask(TableContract(data, table.written(data)), params, cut)
    found: list[Summary] = []
    for _, made in team.each(part, table.chunks(), task):
        readings.add(made.reading)
        if not readings.wrong:
            keep(made)
            found += [made.summary] if made.summary else []
    readings.must_be_whole()
    return found


def _cut(table: ChunkedTable, data: Data, params: Prepare) -> split.Cut:
    """Memory grows with the number of entities on the test side."""
    since, entities = _since(table, data, params), set()
    if data.group:
        names = [given(data.time), data.group]
        for chunk in table.chunks(names):
            rows = values.typed(frame(chunk), data, names).frame
            entities |= {*rows[data.group][rows[data.time] >= since]}
    return split.Cut(since, frozenset(entities))


def _since(table: ChunkedTable, data: Data, params: Prepare) -> Any:
    """Memory grows with the number of distinct times."""
    counts, time = pd.Series(dtype="int64"), given(data.time)
    for chunk in table.chunks([time]):
        typed = values.typed(frame(chunk), data, [time])
        if typed.wrong:
            return pd.NaT  # the reader of the chunks sets it
        counts = pd.concat([counts, typed.frame[time].value_counts()]).groupby(level=0).sum()
    return split.oldest(counts, params.test_share)
