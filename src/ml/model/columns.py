"""Columns as arrays, and the functions of src/features.py that make more of them: no pandas, no scikit-learn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from ml.settings.feature_source import Levels

Values = np.ndarray | Mapping[str, np.ndarray]
FLOAT = np.dtype("float64")  # parsing the name costs as much as an addition


def makes(*_numbers: str, **_levels: Sequence[str]) -> Callable[[Callable], Callable]:
    """Declare the columns that a function makes: names of numbers, and categories with their levels."""
    return lambda function: function


class NoColumnError(KeyError):
    """A function reads a column that does not exist."""


class Columns(Mapping[str, np.ndarray]):
    """Columns by name, each a read-only array of shape (rows,) that is made on first access."""

    def __init__(self, names: Sequence[str], read: Callable[[str], np.ndarray]) -> None:
        self._names, self._read = names, read
        self._known: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        known = self._known.get(name)
        if known is not None:
            return known
        if name not in self._names:
            raise NoColumnError(name)
        return self.add(name, self._read(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._names, *self._known]))

    def __len__(self) -> int:
        return len({*self._names, *self._known})

    def seen(self) -> list[str]:
        """The columns that were read so far."""
        return [*self._known]

    def add(self, name: str, values: np.ndarray) -> np.ndarray:
        """Add a made column, so that later functions can read it; returns a read-only view."""
        values = self._known[name] = values.view()
        values.setflags(write=False)
        return values


@dataclass(frozen=True)
class Function:
    """A function of src/features.py and the columns that it makes: None for a number, the levels of a category."""

    name: str
    call: Callable[[Columns], Values]
    makes: Mapping[str, Levels]

    def __call__(self, columns: Columns) -> dict[str, np.ndarray]:
        """The made columns by name: float64 with NaN for missing and infinite values, text with None."""
        return self.converted(self.returned(columns))

    def converted(self, found: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Returned values as arrays of the types of the made columns."""
        return {name: _number(found[name]) if kind is None else _text(found[name]) for name, kind in self.makes.items()}

    def returned(self, columns: Columns) -> Mapping[str, Any]:
        """The values of each column as the function returns them."""
        with np.errstate(all="ignore"):
            found = self.call(columns)
        if found is None:
            raise ValueError("returns nothing, not the new values")
        if not isinstance(found, Mapping):
            found = dict.fromkeys([*self.makes][:1], found)
        if found.keys() != self.makes.keys():
            raise ValueError(f"returns {', '.join(map(str, found)) or 'nothing'}, not {', '.join(self.makes)}")
        return found


def of_rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str], numbers: set[str]) -> Columns:
    """The columns of rows from JSON."""

    def read(name: str) -> np.ndarray:
        values = [row.get(name) for row in rows]
        if name in numbers:
            return np.array(values, FLOAT)  # None becomes NaN
        return _text(values)

    return Columns(names, read)


def _number(values: Any) -> np.ndarray:
    found = np.array(values, FLOAT)
    if found.shape == (1,):  # numpy's overhead dominates the cost of one row
        if not isfinite(found.item()):
            found[0] = np.nan
        return found
    found[~np.isfinite(found)] = np.nan
    return found


def _text(values: Any) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = [value if isinstance(value, str) else None for value in values]
    return found
