"""Whether the functions of src/features.py look at one row alone: what they make of a table must hold row by row."""

from difflib import get_close_matches

import numpy as np
import pandas as pd

from ml.data.schema import inputs, required
from ml.io.errors import UserError
from ml.model.columns import Columns, Function, loaded
from ml.model.features import of_frame
from ml.settings.data import Data
from ml.settings.features import FEATURES

ROWS = 100  # asked one by one
CLOSE = 1e-12


def check(text: str, frame: pd.DataFrame, data: Data) -> None:
    """Raise UserError, naming function and column, for the first function that is not pure and row-wise on `frame`."""
    table = _sample(frame, data)
    taken = required(data)
    whole, singles = of_frame(table), [of_frame(table.iloc[[row]]) for row in range(len(table))]
    for function in loaded(text):
        for name in function.makes:
            if name in taken:
                raise _wrong(function, f"makes `{name}`, a column that is there already. Give it another name")
        taken += function.makes
        _check_one(function, whole, singles, table)


def _sample(frame: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Some rows as the model gets them, and the first again without what the contract lets be missing."""
    table = inputs(frame.sample(min(ROWS, len(frame)), random_state=0), data)
    bare = table.head(1).copy()
    for name in (name for name, column in data.columns.items() if column.missing):
        bare[name] = np.nan if pd.api.types.is_numeric_dtype(bare[name]) else None
    return pd.concat([table, bare.astype(table.dtypes)], ignore_index=True)


def _check_one(function: Function, whole: Columns, singles: list[Columns], table: pd.DataFrame) -> None:
    made = _called(function, whole, "a table")
    for name, levels in function.makes.items():
        if made[name].shape != (len(table),):
            raise _wrong(function, f"gives {name} the shape {made[name].shape}, not one value a row, ({len(table):,},)")
        odd = sorted({v for v in made[name] if v is not None} - {*levels}) if levels is not None else []
        if odd:
            raise _wrong(function, f"gives {name} the value {odd[0]!r}, which is none of {', '.join(levels or ())}")
    _compare(function, made, _called(function, whole, "a table"), "gives {name} other values when it is asked again")
    rows = [_called(function, single, "one row") for single in singles]
    if any(values.shape != (1,) for row in rows for values in row.values()):
        raise _wrong(function, "does not give one value for one row")
    single = {name: np.concatenate([row[name] for row in rows]) for name in made}
    _compare(function, made, single, "looks across rows: {name} of a row by itself is {second}, in a table {first}")
    for name, values in made.items():
        whole.add(name, values)
    for columns, row in zip(singles, rows, strict=True):
        for name, values in row.items():
            columns.add(name, values)


def _called(function: Function, columns: Columns, what: str) -> dict[str, np.ndarray]:
    try:
        return function(columns)
    except KeyError as error:
        missing = str(error.args[0]) if error.args else "?"
        near = get_close_matches(missing, [*columns], n=1)
        hint = f"Did you mean `{near[0]}`" if near else f"Known: {', '.join(columns)}"
        raise _wrong(function, f"reads `{missing}`, which is no column. {hint}") from None
    except Exception as error:  # noqa: BLE001  (a user's code raises anything)
        if isinstance(error, ValueError) and "read-only" in str(error):
            raise _wrong(function, "changes its input. Make a new array instead") from None
        makes = ", ".join(function.makes)
        raise _wrong(function, f"fails on {what} (making {makes}): {type(error).__name__}: {error}") from None


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
