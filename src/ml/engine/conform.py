"""The chunks of a table in the types of the contract, and the errors of the whole table."""

from dataclasses import dataclass, field
from typing import NamedTuple

from ml.data import schema, values
from ml.data.cells import Change, Typed
from ml.data.numerals import Writing
from ml.engine.source import Chunk
from ml.engine.table import ChunkedTable, frame
from ml.settings.data import Data


class TableContract(NamedTuple):
    """The arguments of the work on every chunk."""

    data: Data
    written: dict[str, Writing]  # the number format of text columns

    def typed(self, chunk: Chunk) -> Typed:
        """The rows of a chunk with these columns, if they exist."""
        raw = frame(chunk)
        return values.typed(raw, self.data, [name for name in schema.required(self.data) if name in raw], self.written)


class Reading(NamedTuple):
    """The result of reading one chunk."""

    rows: int
    wrong: list[str]  # columns with values that cannot be read
    told: list[tuple[str, Change]]


def reading(typed: Typed) -> Reading:
    """The result for a chunk."""
    return Reading(len(typed.frame), [wrong.column for wrong in typed.wrong], typed.told)


@dataclass
class Readings:
    """The state of reading a table chunk by chunk."""

    table: ChunkedTable
    data: Data
    rows: int = 0
    wrong: set[str] = field(default_factory=set)
    told: dict[tuple[str, str], Change] = field(default_factory=dict)

    def add(self, part: Reading) -> None:
        """The next chunk."""
        self.rows += part.rows
        self.wrong |= {*part.wrong}
        for name, change in part.told:
            known = self.told.get((name, change.what))
            self.told[name, change.what] = known.plus(change) if known else change

    def changes(self) -> list[str]:
        """A sentence for each conversion of values, by column."""
        rows = [(name, change._replace(of=self.rows)) for (name, _), change in self.told.items()]
        order = schema.required(self.data)
        return [f"{name}: {change}" for name, change in sorted(rows, key=lambda pair: order.index(pair[0]))]

    def must_be_whole(self) -> None:
        """Raise ContractError with every column that is missing or cannot be read; such a column is read as a whole."""
        names, header = schema.required(self.data), self.table.header.given
        problems = [(name, "column is missing") for name in names if name not in header]
        for name in (name for name in names if name in self.wrong):
            raw = self.table.column(name)
            found = values.typed(raw.to_frame(), self.data, [name])
            problems += [(name, wrong.sentence(raw)) for wrong in found.wrong]
        if problems:
            raise schema.ContractError(self.data, problems, sorted({*map(str, header)} - {*names}))
