"""Checks that the functions of src/features.py are row-wise: each value must depend on its own row only."""

import ast
from collections.abc import Iterator
from difflib import get_close_matches

import numpy as np
import pandas as pd

from ml.data.schema import inputs, required
from ml.io.errors import UserError
from ml.model.columns import Columns, Function, NoColumnError
from ml.model.feature_code import fresh, said
from ml.model.features import of_frame
from ml.settings.data import Category, Data, Number
from ml.settings.feature_source import FEATURES, functions, parsed

CLOCKS = {"now", "utcnow", "today", "time_ns", "localtime", "gmtime", "monotonic", "perf_counter"}
READERS = {"open", "read_text", "read_bytes", "loadtxt", "genfromtxt", "fromfile", "memmap", "read_csv"}
ROWS = 100  # rows that are computed one by one
CLOSE = 1e-12


def check(text: str, frame: pd.DataFrame, data: Data) -> None:
    """Raise UserError, naming function and column, for the first function that is not pure and row-wise on `frame`."""
    if not functions(text):
        return
    table = _sample(frame, data)
    taken = required(data)
    whole, singles = of_frame(table), [of_frame(table.iloc[[row]]) for row in range(len(table))]
    for function, alone in zip(fresh(text), fresh(text), strict=True):  # no call sees state of an earlier one
        for name in function.makes:
            if name in taken:
                raise _wrong(function, f"makes `{name}`, a column that already exists. Use another name")
        taken += function.makes
        _check_one((function, alone), whole, singles, table)
    for name, what in outside(text):
        raise UserError(f"{FEATURES}: {name} {what}, so the same row would not always get the same value.")


def outside(text: str) -> Iterator[tuple[str, str]]:
    """Calls that read the clock or a file: name and description."""
    for node in parsed(text).body:
        called = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
        names = {getattr(one, "attr", getattr(one, "id", "")) for one in called}
        words = {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
        if not isinstance(node, ast.ClassDef):
            name = getattr(node, "name", f"line {node.lineno}")
            if names & CLOCKS or ("datetime64" in names and words & {"now", "today"}):
                yield name, "asks the clock"
            if names & READERS:
                yield name, "reads a file"


def _sample(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Sample rows in the model's types; the first also at the limits of the contract, and with missing values.

    Each level of the contract is in one of the rows.
    """
    table = inputs(frame.sample(min(ROWS, len(frame)), random_state=0), data)
    most = max((len(known) for known in _levels(data).values()), default=0)
    ends = [table.head(1).copy() for _ in range(3 + min(ROWS, most))]
    for name, column in data.columns.items():
        if isinstance(column, Number):
            for end, limit in zip(ends, (column.min, column.max), strict=False):
                end[name] = end[name] if limit is None else float(limit)
        if column.missing:
            ends[2][name] = np.nan if isinstance(column, Number) else None
    for name, known in _levels(data).items():
        for place, end in enumerate(ends[3:]):
            end[name] = known[place % len(known)]
    return pd.concat([table, *(end.astype(table.dtypes) for end in ends)], ignore_index=True)


def _levels(data: Data) -> dict[str, tuple[str, ...]]:
    return {name: column.values for name, column in data.columns.items() if isinstance(column, Category)}  # noqa: PD011


def _check_one(pair: tuple[Function, Function], whole: Columns, singles: list[Columns], table: pd.DataFrame) -> None:
    function, alone = pair
    made = _called(function, whole, "a table")
    for name, levels in function.makes.items():
        if made[name].shape != (len(table),):
            raise _wrong(function, f"gives {name} the shape {made[name].shape}, not one value a row, ({len(table):,},)")
        odd = sorted({v for v in made[name] if v is not None} - {*levels}) if levels is not None else []
        if odd:
            raise _wrong(function, f"gives {name} the value {odd[0]!r}, which is not one of {', '.join(levels or ())}")
    _compare(function, made, _called(function, whole, "a table"), "gives {name} other values at a second call")
    rows = [_called(alone, single, "one row") for single in singles]
    if any(values.shape != (1,) for row in rows for values in row.values()):
        raise _wrong(function, "does not return one value for each row")
    single = {name: np.concatenate([row[name] for row in rows]) for name in made}
    _compare(function, made, single, "depends on other rows: {name} of a single row is {second}, in a table {first}")
    for name, values in made.items():
        whole.add(name, values)
    for columns, row in zip(singles, rows, strict=True):
        for name, values in row.items():
            columns.add(name, values)


def _called(function: Function, columns: Columns, what: str) -> dict[str, np.ndarray]:
    try:
        return function(columns)
    except NoColumnError as error:
        missing = str(error.args[0])
        near = get_close_matches(missing, [*columns], n=1)
        hint = f"Did you mean `{near[0]}`" if near else f"Known: {', '.join(columns)}"
        raise _wrong(function, f"reads `{missing}`, which is not a column. {hint}") from None
    except Exception as error:  # noqa: BLE001  (a user's code raises anything)
        if isinstance(error, ValueError) and "read-only" in str(error):
            raise _wrong(function, "changes its input. Make a new array instead") from None
        if isinstance(error, AttributeError | TypeError) and "'Columns' object" in str(error):
            hint = 'Read an array with columns["name"], and return the new values'
            raise _wrong(function, f"uses the columns as a data frame ({said(error)}). {hint}") from None
        makes = ", ".join(function.makes)
        raise _wrong(function, f"fails on {what} (making {makes}): {said(error)}") from None


def _compare(function: Function, first: dict[str, np.ndarray], second: dict[str, np.ndarray], sentence: str) -> None:
    for name, levels in function.makes.items():
        one, other = first[name], second[name]
        if levels is None:
            same = np.isclose(one, other, rtol=CLOSE, atol=0, equal_nan=True)
        else:
            same = np.array([a == b for a, b in zip(one, other, strict=True)])
        if not same.all():
            row = int(np.argmin(same))
            raise _wrong(function, sentence.format(name=name, first=one[row], second=other[row]))


def _wrong(function: Function, what: str) -> UserError:
    return UserError(f"{FEATURES}: {function.name} {what}.")
